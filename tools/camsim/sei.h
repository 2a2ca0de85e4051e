/* The mark that the simulator puts into every access unit and framecheck looks for. */
#ifndef CAMSIM_SEI_H
#define CAMSIM_SEI_H

/* The SEI of every access unit: user_data_unregistered, all of it text so that no two zero bytes ever stand side by side
 * and patching in place needs no emulation prevention: UUID, name (blank padded), frame number, send time (hexadecimal). */
#define SEI_UUID "\x6a\xc1\x5e\x7b\x93\xd4\x4f\x21\xb8\x17\x52\xee\x3d\x9a\x46\xf5"
#define SEI_UUID_LEN 16
#define SEI_NAME_LEN 32
#define SEI_HEX_LEN 16
#define SEI_TEXT_LEN (SEI_NAME_LEN + 2 * SEI_HEX_LEN)

#endif
