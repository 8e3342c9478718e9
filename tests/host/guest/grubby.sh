#!/bin/sh
# A stand-in for grubby, which Debian does not package: the three calls the role makes, answered in grubby's words, on the
# `linux` lines of GRUB's menu. It proves what the role asks for and how it reads the answer, and nothing about grubby.
set -eu
menu=${GRUB_MENU:-/boot/grub/grub.cfg}
info='' kernels='' add='' remove=''
for word; do
	case $word in
	--info=*) info=${word#*=} ;;
	--update-kernel=*) kernels=${word#*=} ;;
	--args=*) add=${word#*=} ;;
	--remove-args=*) remove=${word#*=} ;;
	*) echo "grubby stand-in: $word is not known" >&2 && exit 1 ;;
	esac
done

if [ "$info" = ALL ]; then
	awk '$1 == "linux" {
		args = ""
		for (i = 3; i <= NF; i++) if ($i !~ /^root=/) args = args (args == "" ? "" : " ") $i
		root = $0; sub(/.* root=/, "", root); sub(/[ \t].*/, "", root)
		printf "index=%d\nkernel=\"%s\"\nargs=\"%s\"\nroot=\"%s\"\n", n++, $2, args, root
	}' "$menu"
elif [ "$kernels" = ALL ]; then
	awk -v add="$add" -v remove="$remove" '
		function name(word) { sub(/=.*/, "", word); return word }
		function gone(word,   i) {
			for (i = 1; i <= removals; i++) if (word == gone_words[i] || name(word) == gone_words[i]) return 1
			for (i = 1; i <= additions; i++) if (name(word) == name(new_words[i])) return 1
			return 0
		}
		BEGIN { removals = split(remove, gone_words, " "); additions = split(add, new_words, " ") }
		$1 == "linux" {
			line = "\tlinux " $2
			for (i = 3; i <= NF; i++) if (!gone($i)) line = line " " $i
			for (i = 1; i <= additions; i++) line = line " " new_words[i]
			$0 = line
		}
		{ print }' "$menu" >"$menu.new"
	cat "$menu.new" >"$menu"
	rm "$menu.new"
else
	echo 'grubby stand-in: --info=ALL or --update-kernel=ALL' >&2
	exit 1
fi
