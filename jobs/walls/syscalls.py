"""System calls by name: which a closed process may make, which end it, and what they are called in two architectures.

Each has its number on x86_64 and on aarch64 ("-": there is none). Source: Linux, `syscall_64.tbl` of
`arch/x86/entry/syscalls` and `include/uapi/asm-generic/unistd.h`.
"""

import platform
from collections.abc import Iterator

_ALLOWED = """
read 0 63; write 1 64; readv 19 65; writev 20 66; pread64 17 67; pwrite64 18 68; preadv 295 69; pwritev 296 70;
recvfrom 45 207; recvmsg 47 212; futex 202 98; poll 7 -; ppoll 271 73; select 23 -; pselect6 270 72;
epoll_create 213 -; epoll_create1 291 20; epoll_ctl 233 21; epoll_wait 232 -; epoll_pwait 281 22;
epoll_pwait2 441 441; eventfd2 290 19; close 3 57; close_range 436 436; dup 32 23; dup2 33 -; dup3 292 24;
pipe 22 -; pipe2 293 59; lseek 8 62; fstat 5 80; newfstatat 262 79; stat 4 -; lstat 6 -; statx 332 291;
statfs 137 43; fstatfs 138 44; access 21 -; faccessat 269 48; faccessat2 439 439; open 2 -; openat 257 56;
getdents 78 -; getdents64 217 61; readlink 89 -; readlinkat 267 78; getcwd 79 17; mkdir 83 -; mkdirat 258 34;
rmdir 84 -; unlink 87 -; unlinkat 263 35; rename 82 -; renameat 264 38; renameat2 316 276; ftruncate 77 46;
fallocate 285 47; fsync 74 82; fdatasync 75 83; fadvise64 221 223; flock 73 32; umask 95 166;
copy_file_range 326 285; sendfile 40 71; getsockopt 55 209; getsockname 51 204; getpeername 52 205;
shutdown 48 210; brk 12 214; mmap 9 222; munmap 11 215; mremap 25 216; mprotect 10 226; madvise 28 233;
mincore 27 232; membarrier 324 283; mseal 462 462; clock_gettime 228 113; clock_getres 229 114;
clock_nanosleep 230 115; nanosleep 35 101; gettimeofday 96 169; time 201 -; times 100 153; getrandom 318 278;
getpid 39 172; gettid 186 178; getppid 110 173; getpgid 121 155; getpgrp 111 -; getsid 124 156; getuid 102 174;
geteuid 107 175; getgid 104 176; getegid 108 177; getgroups 115 158; getresuid 118 148; getresgid 120 150;
getrusage 98 165; getrlimit 97 163; sysinfo 99 179; uname 63 160; getcpu 309 168; sched_yield 24 124;
sched_getaffinity 204 123; rt_sigaction 13 134; rt_sigprocmask 14 135; rt_sigreturn 15 139; rt_sigpending 127 136;
rt_sigtimedwait 128 137; rt_sigsuspend 130 133; sigaltstack 131 132; restart_syscall 219 128;
set_robust_list 273 99; get_robust_list 274 100; set_tid_address 218 96; rseq 334 293; exit 60 93;
exit_group 231 94
"""
"""What Python, OpenSSL and the C library need to compute, to wait, to speak over what is connected and to use files:
Landlock says which files. Calls with arguments that matter are in `_LOOKED_AT`."""

_ENDING = """
socket 41 198; socketpair 53 199; connect 42 203; bind 49 200; listen 50 201; accept 43 202; accept4 288 242;
sendmmsg 307 269; recvmmsg 299 243; execve 59 221; execveat 322 281; fork 57 -; vfork 58 -; ptrace 101 117;
process_vm_readv 310 270; process_vm_writev 311 271; process_madvise 440 440; process_mrelease 448 448;
kcmp 312 272; tkill 200 130; rt_sigqueueinfo 129 138; rt_tgsigqueueinfo 297 240; pidfd_open 434 434;
pidfd_getfd 438 438; pidfd_send_signal 424 424; mount 165 40; umount2 166 39; mount_setattr 442 442;
move_mount 429 429; open_tree 428 428; fsopen 430 430; fsconfig 431 431; fsmount 432 432; fspick 433 433;
pivot_root 155 41; chroot 161 51; swapon 167 224; quotactl 179 60; unshare 272 97; setns 308 268; setsid 112 157;
setpgid 109 154; setuid 105 146; setgid 106 144; setresuid 117 147; setresgid 119 149; sethostname 170 161;
setdomainname 171 162; setrlimit 160 164; personality 135 92; io_uring_setup 425 425; io_uring_enter 426 426;
io_uring_register 427 427; io_setup 206 0; io_submit 209 2; userfaultfd 323 282; bpf 321 280;
perf_event_open 298 241; keyctl 250 219; add_key 248 217; request_key 249 218; seccomp 317 277; prctl 157 167;
open_by_handle_at 304 265; name_to_handle_at 303 264; memfd_create 319 279; memfd_secret 447 447;
fanotify_init 300 262; link 86 -; linkat 265 37; symlink 88 -; symlinkat 266 36; mknod 133 -; mknodat 259 33;
chmod 90 -; fchmod 91 52; fchmodat 268 53; fchmodat2 452 452; chown 92 -; fchown 93 55; lchown 94 -;
fchownat 260 54; setxattr 188 5; lsetxattr 189 6; fsetxattr 190 7; removexattr 197 14; lremovexattr 198 15;
fremovexattr 199 16; setxattrat 463 463; removexattrat 466 466; file_setattr 469 469; truncate 76 45; utime 132 -;
utimes 235 -; futimesat 261 -; utimensat 280 88; shmget 29 194; shmat 30 196; shmctl 31 195; shmdt 67 197;
semget 64 190; semop 65 193; semctl 66 191; msgget 68 186; msgsnd 69 189; msgrcv 70 188; msgctl 71 187;
mq_open 240 180; mq_unlink 241 181; timer_create 222 107; signalfd4 289 74; inotify_init1 294 26; splice 275 76;
tee 276 77; vmsplice 278 75; init_module 175 105; finit_module 313 273; delete_module 176 106; kexec_load 246 104;
kexec_file_load 320 294; reboot 169 142; syslog 103 116; acct 163 89; settimeofday 164 170; clock_settime 227 112;
adjtimex 159 171; clock_adjtime 305 266; ioperm 173 -; iopl 172 -; modify_ldt 154 -; migrate_pages 256 238;
move_pages 279 239; set_mempolicy 238 237; sched_setaffinity 203 122; sched_setscheduler 144 119;
sched_setparam 142 118; sched_setattr 314 274; setpriority 141 140; ioprio_set 251 30;
landlock_create_ruleset 444 444; landlock_add_rule 445 445; landlock_restrict_self 446 446
"""
"""What no library asks for by itself behind these walls. Whoever tries it has taken the process over."""

_LOOKED_AT = """
clone 56 220; clone3 435 435; kill 62 129; tgkill 234 131; prlimit64 302 261; ioctl 16 29; fcntl 72 25;
sendto 44 206; sendmsg 46 211; setsockopt 54 208
"""

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""AUDIT_ARCH_* of linux/audit.h."""


def _numbers(table: str, machine: str) -> Iterator[tuple[str, int]]:
    column = 1 + list(ARCHITECTURES).index(machine)
    for row in table.replace("\n", " ").split(";"):
        words = row.split()
        if words[column] != "-":
            yield words[0], int(words[column])


def _of(table: str) -> dict[str, int]:
    machine = platform.machine()
    return dict(_numbers(table, machine)) if machine in ARCHITECTURES else {}


ALLOWED = _of(_ALLOWED)
ENDING = _of(_ENDING)
LOOKED_AT = _of(_LOOKED_AT)
"""By name, on this machine; empty where its architecture is another one."""
