# Sent to the server as root: says what of divebell is there, a fact a line. Changes nothing.
state=/srv/divebell/event/.divebell
echo "homes=$(ls "$state/homes" 2>/dev/null | wc -l)"
echo "servers=$(docker ps -q --filter label=divebell.event 2>/dev/null | wc -l)"
echo "database_mb=$(du -smc "$state/postgres" 2>/dev/null | tail -n 1 | cut -f 1)"
last=$(sed -n 's/.*"succeeded_at": *\([0-9]*\).*/\1/p' "$state/backup/last.json" 2>/dev/null)
[ -z "$last" ] || echo "last_backup=$(date -d "@$last" '+%Y-%m-%d %H:%M')"
for place in /srv/divebell /opt/divebell /usr/local/bin/divebell /var/log/divebell /var/lib/divebell /run/divebell; do
  [ ! -e "$place" ] || echo "left=$place"
done
find /etc -name '*divebell*' -not -path '/etc/divebell/*' 2>/dev/null | sed 's/^/left=/'
systemctl list-units --all --plain --no-legend 'divebell*' 2>/dev/null | awk '{print "left=unit " $1}'
getent passwd | sed -n 's/^\(divebell[^:]*\):.*/left=account \1/p'
getent group | sed -n 's/^\(divebell[^:]*\):.*/left=group \1/p'
sed -n 's/^[^ ]* \([^ ]*divebell[^ ]*\) .*/left=mount \1/p' /proc/mounts
nft list tables 2>/dev/null | sed -n 's/^table \(.*divebell.*\)/left=firewall table \1/p'
iptables -S 2>/dev/null | sed -n 's/^-N \(DIVEBELL.*\)/left=firewall chain \1/p'
iptables -t nat -S 2>/dev/null | sed -n 's/^-N \(DIVEBELL.*\)/left=firewall chain \1/p'
docker ps -aq --filter label=divebell.event 2>/dev/null | sed 's/^/left=container /'
docker network ls -q --filter label=divebell.event 2>/dev/null | sed 's/^/left=network /'
docker images --format '{{.Repository}}:{{.Tag}}' 'divebell*' 2>/dev/null | sed 's/^/left=image /'
true
