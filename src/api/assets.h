/* The page's files inside of the binary: made by web/build.mjs as page_assets.c, served by api/assets.c. */
#ifndef VIGIA_API_ASSETS_H
#define VIGIA_API_ASSETS_H

#include <stdbool.h>

struct api_asset {
	const char *path, *content_type;
	const char *etag; /* quoted */
	const unsigned char *data, *data_end, *gzip, *gzip_end;
	bool immutable; /* its name changes with its content */
};

extern const struct api_asset page_assets[]; /* ended by path NULL */

#endif
