#!/bin/sh
# The browser tests drive Chromium. Install it where this user may; elsewhere those tests say that they are skipped.
for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null 2>&1; then exit 0; fi
done
if ! command -v apt-get >/dev/null 2>&1; then
    echo "No Chromium and no apt-get: the browser tests will be skipped. Install Chromium to run them."
    exit 0
fi
if [ "$(id -u)" = 0 ]; then as_root=""; elif sudo -n true 2>/dev/null; then as_root="sudo"; else
    echo "No Chromium: the browser tests will be skipped. To run them: sudo apt-get install chromium"
    exit 0
fi
echo "Installing Chromium for the browser tests"
$as_root apt-get update -q && DEBIAN_FRONTEND=noninteractive $as_root apt-get install -q -y --no-install-recommends chromium
