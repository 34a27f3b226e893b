# The first process of a kernel peer (tests/lab/kernel_peer.py); /bin/sh reads it.
# The host's / is the root, read-only.  $LAB_FOLDER is the peer's folder on the host: what is
# written there is seen there.  Each line on the console is empty or a number N: $LAB_FOLDER/N.sh
# is run, and leaves N.out and N.rc.  The machine ends when the console does.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/run
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs run /run
mount -t tmpfs tmp /tmp
mkdir -p "$LAB_FOLDER"
mount -t hostfs -o "$LAB_FOLDER" lab "$LAB_FOLDER"
mkdir -p /run/modules/lib
ln -s /usr/lib/uml/modules /run/modules/lib/modules
# By name and at once: starting a program is slow in here, and without drbg there is no ESP.
modprobe -a -d /run/modules xfrm_user esp4 ah4 esp6 ah6 ipcomp ipcomp6 xfrm4_tunnel xfrm6_tunnel \
    af_key drbg jitterentropy_rng authenc authencesn echainiv seqiv cbc ctr gcm ghash-generic ccm \
    hmac cmac xcbc sha512_generic chacha20poly1305 chacha_generic poly1305_generic des_generic \
    deflate >"$LAB_FOLDER/modprobe.log" 2>&1
echo >/proc/sys/kernel/modprobe
ip link set lo up
. "$LAB_FOLDER/network.sh"
stty raw -echo <&0
: >"$LAB_FOLDER/booted"
while read -r number; do
    [ "$number" ] || continue
    # The inner one runs on; waiting for the outer one also takes in what has ended meanwhile.
    (
        {
            sh "$LAB_FOLDER/$number.sh" >"$LAB_FOLDER/$number.out" 2>&1 </dev/null
            echo $? >"$LAB_FOLDER/$number.new"
            mv "$LAB_FOLDER/$number.new" "$LAB_FOLDER/$number.rc"
        } &
    )
done
echo o >/proc/sysrq-trigger
sleep 10
