#!/bin/sh
# Fill in the template nginx.conf for docker-compose.yml, become nginx, and follow the instances that Docker's DNS names.
#
# By reloads, and not by nginx's own `resolve`: Docker names a container as soon as it runs, and four that are starting
# beside one that serves were seen to take all three tries of a request. Workers that a reload retires finish what they
# have; a client that reuses a connection at the very moment when such a worker closes it sees it reset.
set -eu
folder=/tmp/nginx
mkdir -p "$folder"
ln -sf /dev/stdout "$folder/access.log"
known=""

ready() {
    timeout 2 wget -q -O /dev/null "http://$1:5000/api/health/ready" 2> /dev/null
}

# A new one has to be ready once. From then on it stays until Docker does not name it any more: without its database no
# instance is ready, and nginx is the one to try another when one does not answer.
instances() {
    for address in $(getent ahostsv4 app | awk '{ print $1 }' | sort -u); do
        case " $known" in
            *" $address "*) printf '%s ' "$address" ;;
            *) ready "$address" && printf '%s ' "$address" || true ;;
        esac
    done
}

write() {
    servers=$(for address in $known; do printf 'server %s:5000 max_fails=3 fail_timeout=30s; ' "$address"; done)
    sed -e 's|@LISTEN@|8080|' -e 's|@STATUS_PORT@|8081|' -e "s|@FOLDER@|$folder|" -e "s|@SERVERS@|        $servers|" \
        /etc/nocturnal/nginx.conf > "$folder/nginx.conf"
}

follow() {
    while sleep 1; do
        found=$(instances)
        # No answer is no news: the instances that are known may still be there.
        if [ -n "$found" ] && [ "$found" != "$known" ]; then
            known=$found
            write
            kill -HUP 1
        fi
    done
}

until known=$(instances) && [ -n "$known" ]; do
    sleep 1
done
write
follow &
exec nginx -e stderr -c "$folder/nginx.conf" -g 'daemon off;'
