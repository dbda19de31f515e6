# The smallest honest helper: says ready, waits at its gate, reports, powers off.
# SPDX-License-Identifier: BSD-2-Clause
        .intel_syntax noprefix

# Where QEMU finds the entry: XEN_ELFNOTE_PHYS32_ENTRY (18), 32-bit protected mode, no paging.
        .section .note.Xen, "a", @note
        .long 4, 4, 18
        .asciz "Xen"
        .long _start

        .text
        .globl _start
_start: cld
        mov esp, offset stack_top
        mov edx, 0x3f8
        mov esi, offset hello
        call print
        mov edx, 0x3e8
        mov esi, offset ready
        call print

# The gate: one line on the third serial port.
        mov edi, offset line
1:      mov edx, 0x3ed
        in al, dx
        test al, 1
        jz 1b
        mov edx, 0x3e8
        in al, dx
        stosb
        cmp al, '\n'
        jne 1b

# {"entropy":"<64>","key":"<32>"}: the key begins at 85.
        mov byte ptr [line + 117], 0
        mov esi, offset started
        call print
        mov esi, offset finished
        call print
        mov esi, offset line + 85
        call print
        mov esi, offset tasks
        call print
        mov edx, 0x2f8
        mov esi, offset success
        call print

# ACPI's soft-off: PM1a_CNT lies where the firmware put it on this machine.
        mov edx, 0x604
        mov ax, 0x2000
        out dx, ax
2:      hlt
        jmp 2b

# Prints the string at esi to the serial port at edx.
print:  lodsb
        test al, al
        jz 5f
        mov ah, al
        add edx, 5
4:      in al, dx
        test al, 0x20
        jz 4b
        sub edx, 5
        mov al, ah
        out dx, al
        jmp print
5:      ret

        .data
hello:    .asciz "hello \033[2J from the guest\r\n"
ready:    .asciz "{\"event\":\"ready\",\"protocol\":5,\"release\":\"test\"}\r\n"
started:  .asciz "{\"event\":\"task-start\",\"task\":\"A\"}\n{\"event\":\"task-end\",\"task\":\"A\"}\n"
finished: .asciz "{\"event\":\"finished\",\"key\":\""
tasks:    .asciz "\",\"tasks\":[\"A\"]}\n"
success:  .asciz "SUCCESS\n"

        .bss
line:     .skip 4096
          .skip 4096
stack_top:
