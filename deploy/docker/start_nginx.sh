#!/bin/sh
# Fill in the template nginx.conf for docker-compose.yml, and become nginx.
set -eu
folder=/tmp/nginx
mkdir -p "$folder"
ln -sf /dev/stdout "$folder/access.log"
# Docker's DNS names every instance that runs. Each worker asks again after two seconds, so `--scale app=5` and an
# instance that is gone are seen without a reload, and counts of failures and connections stay.
servers='resolver 127.0.0.11 valid=2s ipv6=off; server app:5000 resolve max_fails=3 fail_timeout=30s;'
sed -e 's|@LISTEN@|8080|' -e 's|@STATUS_PORT@|8081|' -e "s|@FOLDER@|$folder|" -e "s|@SERVERS@|        $servers|" \
    /etc/nocturnal/nginx.conf > "$folder/nginx.conf"
exec nginx -e stderr -c "$folder/nginx.conf" -g 'daemon off;'
