#!/usr/bin/python3
"""GStreamer's RTSP server with a few mounts, as a foreign camera. usage: _gst_rtsp.py PORT [digest]   (digest: admin / senha)"""
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer

SOURCE = "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=640,height=360,framerate=25/1 ! "
H264 = "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=50 bitrate=500 ! rtph264pay name=pay0 pt=96 "
SOUND = "audiotestsrc is-live=true ! audioconvert ! audioresample ! "
MOUNTS = {
    "/h264": SOURCE + H264,
    "/bframes": SOURCE + "x264enc speed-preset=veryfast bframes=2 b-adapt=false key-int-max=50 bitrate=500 ! video/x-h264,profile=main ! "
    "rtph264pay name=pay0 pt=96",
    "/h265": SOURCE + "x265enc tune=zerolatency speed-preset=ultrafast key-int-max=50 bitrate=400 ! rtph265pay name=pay0 pt=96",
    "/audio": SOURCE + H264 + SOUND + "audio/x-raw,rate=48000,channels=1 ! avenc_aac ! rtpmp4gpay name=pay1 pt=97",
    "/pcmu": SOURCE + H264 + SOUND + "audio/x-raw,rate=8000,channels=1 ! mulawenc ! rtppcmupay name=pay1 pt=0",
}

Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(sys.argv[1])
if sys.argv[2:] == ["digest"]:
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "user")
    auth.add_digest("admin", "senha", token)
    server.set_auth(auth)
for path, launch in MOUNTS.items():
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch("( " + launch + " )")
    factory.set_shared(True)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_role_from_structure(
        Gst.Structure.new_from_string("user, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"))
    factory.set_permissions(permissions)
    server.get_mount_points().add_factory(path, factory)
server.attach(None)
print("ready", flush=True)
GLib.MainLoop().run()
