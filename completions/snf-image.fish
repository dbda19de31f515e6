# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_snf_image_global_optspecs
    string join \n config= v/verbose json h/help V/version
end

function __fish_snf_image_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_snf_image_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_snf_image_using_subcommand
    set -l cmd (__fish_snf_image_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c snf-image -n "__fish_snf_image_needs_command" -l config -d 'Read this configuration file instead of those of the system' -r -F
complete -c snf-image -n "__fish_snf_image_needs_command" -s v -l verbose -d 'Say what is being done, and after a failure show the end of the helper\'s log; twice: show all of the log'
complete -c snf-image -n "__fish_snf_image_needs_command" -l json -d 'Print messages as JSON lines on standard output'
complete -c snf-image -n "__fish_snf_image_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c snf-image -n "__fish_snf_image_needs_command" -s V -l version -d 'Print version'
complete -c snf-image -n "__fish_snf_image_needs_command" -f -a "cache" -d 'Show, clear or check the cache of images that were fetched'
complete -c snf-image -n "__fish_snf_image_needs_command" -f -a "config" -d 'Show the settings that are in effect, and where each comes from'
complete -c snf-image -n "__fish_snf_image_needs_command" -f -a "deploy" -d 'Deploy an image onto a disk and customise it'
complete -c snf-image -n "__fish_snf_image_needs_command" -f -a "helper" -d 'Build, show or try the helper VM'
complete -c snf-image -n "__fish_snf_image_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c snf-image -n "__fish_snf_image_using_subcommand cache; and not __fish_seen_subcommand_from list prune verify help" -l config -d 'Read this configuration file instead of those of the system' -r -F
complete -c snf-image -n "__fish_snf_image_using_subcommand cache; and not __fish_seen_subcommand_from list prune verify help" -s v -l verbose -d 'Say what is being done, and after a failure show the end of the helper\'s log; twice: show all of the log'
complete -c snf-image -n "__fish_snf_image_using_subcommand cache; and not __fish_seen_subcommand_from list prune verify help" -l json -d 'Print messages as JSON lines on standard output'
complete -c snf-image -n "__fish_snf_image_using_subcommand cache; and not __fish_seen_subcommand_from list prune verify help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c snf-image -n "__fish_snf_image_using_subcommand cache; and not __fish_seen_subcommand_from list prune verify help" -f -a "list" -d 'Show the images in the cache, the one that was used last at the end'
complete -c snf-image -n "__fish_snf_image_using_subcommand cache; and not __fish_seen_subcommand_from list prune verify help" -f -a "prune" -d 'Remove what takes more than IMAGE_CACHE_SIZE, and what was left unfinished'
complete -c snf-image -n "__fish_snf_image_using_subcommand cache; and not __fish_seen_subcommand_from list prune verify help" -f -a "verify" -d 'Read all images in the cache, and remove those that are damaged'
complete -c snf-image -n "__fish_snf_image_using_subcommand cache; and not __fish_seen_subcommand_from list prune verify help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c snf-image -n "__fish_snf_image_using_subcommand cache; and __fish_seen_subcommand_from list" -l config -d 'Read this configuration file instead of those of the system' -r -F
complete -c snf-image -n "__fish_snf_image_using_subcommand cache; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Say what is being done, and after a failure show the end of the helper\'s log; twice: show all of the log'
complete -c snf-image -n "__fish_snf_image_using_subcommand cache; and __fish_seen_subcommand_from list" -l json -d 'Print messages as JSON lines on standard output'
complete -c snf-image -n "__fish_snf_image_using_subcommand cache; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c snf-image -n "__fish_snf_image_using_subcommand cache; and __fish_seen_subcommand_from prune" -l config -d 'Read this configuration file instead of those of the system' -r -F
complete -c snf-image -n "__fish_snf_image_using_subcommand cache; and __fish_seen_subcommand_from prune" -l all -d 'Remove all images that are not in use'
complete -c snf-image -n "__fish_snf_image_using_subcommand cache; and __fish_seen_subcommand_from prune" -s v -l verbose -d 'Say what is being done, and after a failure show the end of the helper\'s log; twice: show all of the log'
complete -c snf-image -n "__fish_snf_image_using_subcommand cache; and __fish_seen_subcommand_from prune" -l json -d 'Print messages as JSON lines on standard output'
complete -c snf-image -n "__fish_snf_image_using_subcommand cache; and __fish_seen_subcommand_from prune" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c snf-image -n "__fish_snf_image_using_subcommand cache; and __fish_seen_subcommand_from verify" -l config -d 'Read this configuration file instead of those of the system' -r -F
complete -c snf-image -n "__fish_snf_image_using_subcommand cache; and __fish_seen_subcommand_from verify" -s v -l verbose -d 'Say what is being done, and after a failure show the end of the helper\'s log; twice: show all of the log'
complete -c snf-image -n "__fish_snf_image_using_subcommand cache; and __fish_seen_subcommand_from verify" -l json -d 'Print messages as JSON lines on standard output'
complete -c snf-image -n "__fish_snf_image_using_subcommand cache; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c snf-image -n "__fish_snf_image_using_subcommand cache; and __fish_seen_subcommand_from help" -f -a "list" -d 'Show the images in the cache, the one that was used last at the end'
complete -c snf-image -n "__fish_snf_image_using_subcommand cache; and __fish_seen_subcommand_from help" -f -a "prune" -d 'Remove what takes more than IMAGE_CACHE_SIZE, and what was left unfinished'
complete -c snf-image -n "__fish_snf_image_using_subcommand cache; and __fish_seen_subcommand_from help" -f -a "verify" -d 'Read all images in the cache, and remove those that are damaged'
complete -c snf-image -n "__fish_snf_image_using_subcommand cache; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c snf-image -n "__fish_snf_image_using_subcommand config" -l variant -d 'Show what is in effect for instances of this OS variant' -r
complete -c snf-image -n "__fish_snf_image_using_subcommand config" -l config -d 'Read this configuration file instead of those of the system' -r -F
complete -c snf-image -n "__fish_snf_image_using_subcommand config" -s v -l verbose -d 'Say what is being done, and after a failure show the end of the helper\'s log; twice: show all of the log'
complete -c snf-image -n "__fish_snf_image_using_subcommand config" -l json -d 'Print messages as JSON lines on standard output'
complete -c snf-image -n "__fish_snf_image_using_subcommand config" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c snf-image -n "__fish_snf_image_using_subcommand deploy" -l image -d 'The image: a file, a block device, where to fetch it from, or null to keep what the target holds' -r -F
complete -c snf-image -n "__fish_snf_image_using_subcommand deploy" -l target -d 'What becomes the machine\'s disk: a block device, a regular file, or a disk behind a URI' -r -F
complete -c snf-image -n "__fish_snf_image_using_subcommand deploy" -l format -d 'What the image is' -r -f -a "diskdump\t'A raw dump of a whole disk'
extdump\t'A raw dump of one ext2, ext3 or ext4 file system'
ntfsdump\t'A raw dump of one NTFS file system'
qcow2\t'A whole disk in QEMU\'s format qcow2, version 2 or 3'
vmdk\t'A whole disk in VMware\'s format, in one file: monolithicSparse or streamOptimized'
vhd\t'A whole disk in the format of Virtual PC and Azure, fixed or dynamic'
vhdx\t'A whole disk in the format of Hyper-V'
vdi\t'A whole disk in the format of VirtualBox'
auto\t'One of the formats that hold a whole disk, by what the image begins with; for images that are trusted'"
complete -c snf-image -n "__fish_snf_image_using_subcommand deploy" -l digest -d 'What the digest of the image\'s bytes must be: sha256:HEX or sha512:HEX' -r
complete -c snf-image -n "__fish_snf_image_using_subcommand deploy" -l digest-url -d 'A list of digests, such as SHA256SUMS, that holds that of the image\'s file name' -r -F
complete -c snf-image -n "__fish_snf_image_using_subcommand deploy" -l signature-url -d 'A signature by a key in KEYS_DIR: of the list of digests where one is given, else of the image itself' -r -F
complete -c snf-image -n "__fish_snf_image_using_subcommand deploy" -l size -d 'Let a regular file as target grow to this size: bytes, or with K, M, G or T behind' -r
complete -c snf-image -n "__fish_snf_image_using_subcommand deploy" -l hostname -d 'The machine\'s host name; without it the image keeps its own' -r
complete -c snf-image -n "__fish_snf_image_using_subcommand deploy" -l password-file -d 'A file with one line: the password of the users (root or Administrator, or property USERS)' -r -F
complete -c snf-image -n "__fish_snf_image_using_subcommand deploy" -l password-hash-file -d 'A file with one line: their password as crypt(5) hash' -r -F
complete -c snf-image -n "__fish_snf_image_using_subcommand deploy" -l ssh-key -d 'A file with SSH public keys that may log in as the users; may be repeated' -r -F
complete -c snf-image -n "__fish_snf_image_using_subcommand deploy" -l nic -d 'A network interface of the machine, recognised by its MAC address; may be repeated' -r
complete -c snf-image -n "__fish_snf_image_using_subcommand deploy" -l answer-file -d 'An answer file for Windows Setup, in place of the image\'s own' -r -F
complete -c snf-image -n "__fish_snf_image_using_subcommand deploy" -l product-key-file -d 'A file with one line: the product key for Windows Setup' -r -F
complete -c snf-image -n "__fish_snf_image_using_subcommand deploy" -l property -d 'An image property, such as USERS="root debian" or EXCLUDE_TASK_DELETESSHKEYS=yes; may be repeated' -r
complete -c snf-image -n "__fish_snf_image_using_subcommand deploy" -l custom-task -d 'A program that the helper runs, confined, while the image is mounted: property CUSTOM_TASK' -r -F
complete -c snf-image -n "__fish_snf_image_using_subcommand deploy" -l first-boot -d 'A script that the machine runs once, at its first boot: property FIRST_BOOT_SCRIPT' -r -F
complete -c snf-image -n "__fish_snf_image_using_subcommand deploy" -l inject -d 'Put the file LOCAL into the image as GUEST; may be repeated' -r
complete -c snf-image -n "__fish_snf_image_using_subcommand deploy" -l personality -d 'A JSON list of files to put into the image: objects with path, contents (base64) and, optionally, owner, group, mode' -r -F
complete -c snf-image -n "__fish_snf_image_using_subcommand deploy" -l user-data -d 'A file that cloud-init of the image gets as user-data; property CLOUD_INIT is yes then' -r -F
complete -c snf-image -n "__fish_snf_image_using_subcommand deploy" -l config -d 'Read this configuration file instead of those of the system' -r -F
complete -c snf-image -n "__fish_snf_image_using_subcommand deploy" -s v -l verbose -d 'Say what is being done, and after a failure show the end of the helper\'s log; twice: show all of the log'
complete -c snf-image -n "__fish_snf_image_using_subcommand deploy" -l json -d 'Print messages as JSON lines on standard output'
complete -c snf-image -n "__fish_snf_image_using_subcommand deploy" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c snf-image -n "__fish_snf_image_using_subcommand helper; and not __fish_seen_subcommand_from build info check help" -l config -d 'Read this configuration file instead of those of the system' -r -F
complete -c snf-image -n "__fish_snf_image_using_subcommand helper; and not __fish_seen_subcommand_from build info check help" -s v -l verbose -d 'Say what is being done, and after a failure show the end of the helper\'s log; twice: show all of the log'
complete -c snf-image -n "__fish_snf_image_using_subcommand helper; and not __fish_seen_subcommand_from build info check help" -l json -d 'Print messages as JSON lines on standard output'
complete -c snf-image -n "__fish_snf_image_using_subcommand helper; and not __fish_seen_subcommand_from build info check help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c snf-image -n "__fish_snf_image_using_subcommand helper; and not __fish_seen_subcommand_from build info check help" -f -a "build" -d 'Build the helper VM\'s kernel and initramfs into HELPER_DIR'
complete -c snf-image -n "__fish_snf_image_using_subcommand helper; and not __fish_seen_subcommand_from build info check help" -f -a "info" -d 'Show what the helper VM was built from'
complete -c snf-image -n "__fish_snf_image_using_subcommand helper; and not __fish_seen_subcommand_from build info check help" -f -a "check" -d 'Boot the helper VM once, without disks, and say how long it took'
complete -c snf-image -n "__fish_snf_image_using_subcommand helper; and not __fish_seen_subcommand_from build info check help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c snf-image -n "__fish_snf_image_using_subcommand helper; and __fish_seen_subcommand_from build" -l helper -d 'The helper\'s program, linked statically; by default the one installed with snf-image' -r -F
complete -c snf-image -n "__fish_snf_image_using_subcommand helper; and __fish_seen_subcommand_from build" -l kernel -d 'Take this kernel (bzImage or vmlinux) instead of the one of Debian\'s cloud kernel package' -r -F
complete -c snf-image -n "__fish_snf_image_using_subcommand helper; and __fish_seen_subcommand_from build" -l modules -d 'The modules of that kernel: the directory that holds its modules.dep' -r -F
complete -c snf-image -n "__fish_snf_image_using_subcommand helper; and __fish_seen_subcommand_from build" -l config -d 'Read this configuration file instead of those of the system' -r -F
complete -c snf-image -n "__fish_snf_image_using_subcommand helper; and __fish_seen_subcommand_from build" -s v -l verbose -d 'Say what is being done, and after a failure show the end of the helper\'s log; twice: show all of the log'
complete -c snf-image -n "__fish_snf_image_using_subcommand helper; and __fish_seen_subcommand_from build" -l json -d 'Print messages as JSON lines on standard output'
complete -c snf-image -n "__fish_snf_image_using_subcommand helper; and __fish_seen_subcommand_from build" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c snf-image -n "__fish_snf_image_using_subcommand helper; and __fish_seen_subcommand_from info" -l config -d 'Read this configuration file instead of those of the system' -r -F
complete -c snf-image -n "__fish_snf_image_using_subcommand helper; and __fish_seen_subcommand_from info" -s v -l verbose -d 'Say what is being done, and after a failure show the end of the helper\'s log; twice: show all of the log'
complete -c snf-image -n "__fish_snf_image_using_subcommand helper; and __fish_seen_subcommand_from info" -l json -d 'Print messages as JSON lines on standard output'
complete -c snf-image -n "__fish_snf_image_using_subcommand helper; and __fish_seen_subcommand_from info" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c snf-image -n "__fish_snf_image_using_subcommand helper; and __fish_seen_subcommand_from check" -l config -d 'Read this configuration file instead of those of the system' -r -F
complete -c snf-image -n "__fish_snf_image_using_subcommand helper; and __fish_seen_subcommand_from check" -s v -l verbose -d 'Say what is being done, and after a failure show the end of the helper\'s log; twice: show all of the log'
complete -c snf-image -n "__fish_snf_image_using_subcommand helper; and __fish_seen_subcommand_from check" -l json -d 'Print messages as JSON lines on standard output'
complete -c snf-image -n "__fish_snf_image_using_subcommand helper; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c snf-image -n "__fish_snf_image_using_subcommand helper; and __fish_seen_subcommand_from help" -f -a "build" -d 'Build the helper VM\'s kernel and initramfs into HELPER_DIR'
complete -c snf-image -n "__fish_snf_image_using_subcommand helper; and __fish_seen_subcommand_from help" -f -a "info" -d 'Show what the helper VM was built from'
complete -c snf-image -n "__fish_snf_image_using_subcommand helper; and __fish_seen_subcommand_from help" -f -a "check" -d 'Boot the helper VM once, without disks, and say how long it took'
complete -c snf-image -n "__fish_snf_image_using_subcommand helper; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c snf-image -n "__fish_snf_image_using_subcommand help; and not __fish_seen_subcommand_from cache config deploy helper help" -f -a "cache" -d 'Show, clear or check the cache of images that were fetched'
complete -c snf-image -n "__fish_snf_image_using_subcommand help; and not __fish_seen_subcommand_from cache config deploy helper help" -f -a "config" -d 'Show the settings that are in effect, and where each comes from'
complete -c snf-image -n "__fish_snf_image_using_subcommand help; and not __fish_seen_subcommand_from cache config deploy helper help" -f -a "deploy" -d 'Deploy an image onto a disk and customise it'
complete -c snf-image -n "__fish_snf_image_using_subcommand help; and not __fish_seen_subcommand_from cache config deploy helper help" -f -a "helper" -d 'Build, show or try the helper VM'
complete -c snf-image -n "__fish_snf_image_using_subcommand help; and not __fish_seen_subcommand_from cache config deploy helper help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c snf-image -n "__fish_snf_image_using_subcommand help; and __fish_seen_subcommand_from cache" -f -a "list" -d 'Show the images in the cache, the one that was used last at the end'
complete -c snf-image -n "__fish_snf_image_using_subcommand help; and __fish_seen_subcommand_from cache" -f -a "prune" -d 'Remove what takes more than IMAGE_CACHE_SIZE, and what was left unfinished'
complete -c snf-image -n "__fish_snf_image_using_subcommand help; and __fish_seen_subcommand_from cache" -f -a "verify" -d 'Read all images in the cache, and remove those that are damaged'
complete -c snf-image -n "__fish_snf_image_using_subcommand help; and __fish_seen_subcommand_from helper" -f -a "build" -d 'Build the helper VM\'s kernel and initramfs into HELPER_DIR'
complete -c snf-image -n "__fish_snf_image_using_subcommand help; and __fish_seen_subcommand_from helper" -f -a "info" -d 'Show what the helper VM was built from'
complete -c snf-image -n "__fish_snf_image_using_subcommand help; and __fish_seen_subcommand_from helper" -f -a "check" -d 'Boot the helper VM once, without disks, and say how long it took'
