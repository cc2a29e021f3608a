"""Techniques to break out of a closed process, by machine code and by Python; found by its name in that process.

Each returns something true when it got through: a descriptor, bytes, a process. Who was tried on looks as well.
"""

import _posixsubprocess
import _socket
import ctypes
import fcntl
import gc
import mmap
import os
import platform
import signal
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jobs.apart import Ask, Json
from jobs.slice import Link, SliceEnd, SliceTask, wait
from jobs.walls.syscalls import ENDING, LOOKED_AT
from migrator.egress import line
from migrator.egress.errands import SIZE, Errand

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mmap.restype = LIBC.shmat.restype = ctypes.c_void_p


@dataclass(frozen=True)
class Prey:
    """What is to be had: ports and sockets that listen, a file outside, the id of another slice's process."""

    name: str
    tcp: int
    unix: str
    secret: str
    sibling: int
    worker: int
    open_door: str


Technique = Callable[[Prey], object]
TECHNIQUES: dict[str, Technique] = {}


def technique(name: str) -> Callable[[Technique], Technique]:
    """Note a technique."""

    def note(function: Technique) -> Technique:
        TECHNIQUES[name] = function
        return function

    return note


def simply(**techniques: Technique) -> None:
    """Note some techniques."""
    TECHNIQUES.update({name.replace("_", "-"): function for name, function in techniques.items()})


def call(name: str, *args: object) -> int:
    """Make a system call past every library; its result, or -1."""
    return int(LIBC.syscall(ENDING.get(name) or LOOKED_AT[name], *args))


def got(number: int) -> bool:
    """True for a result that is no error."""
    return number >= 0


def attempt(task: SliceTask, _: Link) -> SliceEnd:
    """Try one technique, and say whether it got through."""
    prey = task.config
    assert isinstance(prey, Prey)
    return wait(0, "through" if _is_through(prey) else "held")


def attempt_apart(prey: Prey, _: Ask) -> Json:
    """Do the same in a process outside slices."""
    return {"through": _is_through(prey)}


def _is_through(prey: Prey) -> bool:
    try:
        return bool(TECHNIQUES[prey.name](prey))
    except BaseException:  # noqa: BLE001 - it was held
        return False


def _address(prey: Prey) -> bytes:
    return struct.pack("=HH4s8x", socket.AF_INET, socket.htons(prey.tcp), socket.inet_aton("127.0.0.1"))


def _connected(prey: Prey) -> socket.socket:
    """Return a connection that may be had."""
    return socket.socket(fileno=line().dial(prey.open_door, 5.0))


def _raw_socket(family: int, kind: int, proto: int = 0) -> Technique:
    return lambda _: got(call("socket", family, kind, proto))


simply(
    socket_of_libc=lambda _: got(LIBC.socket(socket.AF_INET, socket.SOCK_STREAM, 0)),
    socket_inet=_raw_socket(socket.AF_INET, socket.SOCK_STREAM),
    socket_inet6=_raw_socket(socket.AF_INET6, socket.SOCK_STREAM),
    socket_udp=_raw_socket(socket.AF_INET, socket.SOCK_DGRAM),
    socket_raw=_raw_socket(socket.AF_INET, socket.SOCK_RAW, 1),
    socket_packet=_raw_socket(17, socket.SOCK_RAW, 3),
    socket_netlink=_raw_socket(16, socket.SOCK_RAW, 0),
    socket_vsock=_raw_socket(40, socket.SOCK_STREAM),
    socket_crypto=_raw_socket(38, socket.SOCK_SEQPACKET),
    socket_unix=_raw_socket(socket.AF_UNIX, socket.SOCK_STREAM),
    socketpair=lambda _: got(call("socketpair", socket.AF_UNIX, socket.SOCK_STREAM, 0, ctypes.create_string_buffer(8))),
    socket_of_python=lambda p: _socket.socket(socket.AF_INET, socket.SOCK_STREAM).connect(("127.0.0.1", p.tcp)) or True,
    socket_by_its_class=lambda _: socket.socket.__mro__[1](socket.AF_INET, socket.SOCK_STREAM),
    name_service=lambda _: _socket.getaddrinfo("localhost", 443),
    listen_on_a_place_holder=lambda _: got(call("listen", socket.socket().fileno(), 1)),
    bind_a_place_holder=lambda p: got(call("bind", socket.socket().fileno(), _address(p), 16)),
    accept=lambda _: got(call("accept", socket.socket().fileno(), None, None)),
)


@technique("connect-unix")
def _connect_unix(prey: Prey) -> object:
    with socket.socket(socket.AF_UNIX) as sock:
        path = struct.pack("=H", socket.AF_UNIX) + prey.unix.encode() + b"\0"
        return got(call("connect", sock.fileno(), path, len(path)))


@technique("connect-unix-abstract")
def _connect_abstract(prey: Prey) -> object:
    with socket.socket(socket.AF_UNIX) as sock:
        name = struct.pack("=H", socket.AF_UNIX) + b"\0" + prey.unix.encode()
        return got(call("connect", sock.fileno(), name, len(name)))


@technique("connect-elsewhere-with-what-is-connected")
def _reconnect(prey: Prey) -> object:
    with _connected(prey) as sock:
        call("connect", sock.fileno(), bytes(16), 16)  # AF_UNSPEC: let go of what it is connected to
        return got(call("connect", sock.fileno(), _address(prey), 16))


@technique("fast-open")
def _fast_open(prey: Prey) -> object:
    with _connected(prey) as sock:
        call("sendto", sock.fileno(), b"", 0, 0x20000000, bytes(16), 16)
        return got(call("sendto", sock.fileno(), b"mail", 4, 0x20000000, _address(prey), 16))


@technique("fast-open-by-message")
def _fast_open_by_message(prey: Prey) -> object:
    with _connected(prey) as sock:
        return sock.sendmsg([b"mail"], [], 0x20000000, ("127.0.0.1", prey.tcp))


@technique("send-to-an-address")
def _send_to(prey: Prey) -> object:
    with socket.socket(socket.AF_UNIX) as sock:
        return got(call("sendto", sock.fileno(), b"mail", 4, 0, _address(prey), 16))


@technique("every-socket-there-is")
def _every_socket(prey: Prey) -> object:
    """Try to connect whatever socket objects and descriptors lie about."""
    numbers = {one.fileno() for one in gc.get_objects() if isinstance(one, _socket.socket)} | set(range(64))
    return any(list(map(got, [call("connect", number, _address(prey), 16) for number in numbers])))


@technique("every-descriptor-there-is")
def _inherited(_: Prey) -> object:
    """Look for a descriptor that leads out: the worker's stores, the fork server, the resource tracker."""
    ours = 0
    for number in range(3, 1024):
        try:
            os.fstat(number)
        except OSError:
            continue
        ours += 1
    return ours > 4  # the pipe, the channel, the line to the store and the place-holder


simply(
    io_uring=lambda _: got(call("io_uring_setup", 8, ctypes.create_string_buffer(256))),
    aio=lambda _: got(call("io_setup", 8, ctypes.byref(ctypes.c_ulong()))),
)


def _as_child(number: int) -> object:
    if number == 0:
        os._exit(0)
    return number > 0


simply(
    fork_of_python=lambda _: _as_child(os.fork()),
    fork_of_libc=lambda _: _as_child(LIBC.fork()),
    fork_by_clone=lambda _: _as_child(call("clone", signal.SIGCHLD, 0, 0, 0, 0)),
    fork_by_clone3=lambda _: _as_child(call("clone3", struct.pack("=8Q", 0, 0, 0, 0, 17, 0, 0, 0), 64)),
    new_user_namespace=lambda _: _as_child(call("clone", 0x10000000 | signal.SIGCHLD, 0, 0, 0, 0)),
    unshare=lambda _: got(call("unshare", 0x10000000)),
    unshare_files=lambda _: got(call("unshare", 0x00000400)),
    system=lambda _: os.system("true") == 0,
    popen=lambda _: os.popen("echo x").read(),
    posix_spawn=lambda _: os.posix_spawn("/usr/bin/env", ["/usr/bin/env", "true"], {}),
    spawn=lambda _: os.spawnv(os.P_WAIT, "/usr/bin/env", ["/usr/bin/env", "true"]) == 0,
)


@technique("exec-and-say-so")
def _exec(prey: Prey) -> object:
    os.execv("/usr/bin/env", ["/usr/bin/env", "touch", f"{Path(prey.secret).parent}/made"])


@technique("exec-of-memory")
def _exec_memory(_: Prey) -> object:
    number = call("memfd_create", b"x", 0)
    return got(number) and got(call("execveat", number, b"", None, None, 0x1000))


@technique("fork-exec-below-subprocess")
def _fork_exec(_: Prey) -> object:
    real = getattr(_posixsubprocess.fork_exec, "__wrapped__", _posixsubprocess.fork_exec)
    out, into = os.pipe()
    program, pipes = [b"/usr/bin/env"], (*[-1] * 6, out, into)
    return real(program, program, 1, (into,), None, None, *pipes, 1, 0, -1, None, None, None, -1, None, 1)


@technique("sub-interpreter")
def _sub_interpreter(prey: Prey) -> object:
    import _xxsubinterpreters as interpreters  # noqa: PLC0415 - it may be missing

    code = f"import socket\ns = socket.create_connection(('127.0.0.1', {prey.tcp}), 2)\ns.send(b'mail')"
    interpreters.run_string(interpreters.create(), code)
    return True


@technique("closure-over-the-real-socket")
def _closure(prey: Prey) -> object:
    cells = [cell.cell_contents for cell in socket.socket.__init__.__closure__ or ()]
    kinds = [one for one in cells if isinstance(one, type)]
    return [super(kind, kind).__new__(kind.__mro__[1]).connect(("127.0.0.1", prey.tcp)) for kind in kinds]


@technique("old-numbers-of-32-bit")
def _int_80(_: Prey) -> object:
    """Call socketcall(2) by the gate of 32-bit programs."""
    assert platform.machine() == "x86_64"
    memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(b"\x53\xb8\x14\x00\x00\x00\xcd\x80\x5b\xc3")  # push rbx; mov eax, 20 (getpid); int 0x80; pop rbx; ret
    code = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    return ctypes.CFUNCTYPE(ctypes.c_int)(code)()


simply(x32=lambda _: got(LIBC.syscall(0x40000000 | 41, socket.AF_INET, socket.SOCK_STREAM, 0)))


def _reading(pid: int) -> object:
    there, here = ctypes.create_string_buffer(16), ctypes.create_string_buffer(16)
    local = struct.pack("=QQ", ctypes.addressof(here), 16)
    remote = struct.pack("=QQ", id(there), 16)
    return got(call("process_vm_readv", pid, local, 1, remote, 1, 0))


simply(
    ptrace_of_the_worker=lambda p: got(call("ptrace", 16, p.worker, 0, 0)),
    ptrace_of_another_slice=lambda p: got(call("ptrace", 0x4206, p.sibling, 0, 0)),
    memory_of_the_worker=lambda p: _reading(p.worker),
    memory_of_another_slice=lambda p: _reading(p.sibling),
    memory_of_the_worker_by_file=lambda p: os.open(f"/proc/{p.worker}/mem", os.O_RDONLY),
    memory_of_another_slice_by_file=lambda p: os.open(f"/proc/{p.sibling}/mem", os.O_RDONLY),
    environment_of_the_worker=lambda p: Path(f"/proc/{p.worker}/environ").read_bytes(),
    descriptors_of_the_worker=lambda p: list(Path(f"/proc/{p.worker}/fd").iterdir()),
    descriptor_of_the_worker=lambda p: os.open(f"/proc/{p.worker}/fd/1", os.O_WRONLY),
    namespaces_of_the_worker=lambda p: os.open(f"/proc/{p.worker}/ns/net", os.O_RDONLY),
    own_memory_by_file=lambda _: os.open("/proc/self/mem", os.O_RDWR),
    process_by_descriptor=lambda p: got(call("pidfd_open", p.worker, 0)),
    process_by_descriptor_of_python=lambda p: os.pidfd_open(p.sibling),
    descriptor_by_descriptor=lambda _: got(call("pidfd_getfd", 3, 1, 0)),
    compare=lambda p: got(call("kcmp", p.worker, os.getpid(), 2, 0, 0)),
    kill_the_worker=lambda p: os.kill(p.worker, 0) is None,
    kill_another_slice=lambda p: os.kill(p.sibling, signal.SIGKILL) is None,
    kill_the_group=lambda _: os.killpg(0, 0) is None,
    kill_all=lambda _: os.kill(-1, 0) is None,
    kill_a_thread=lambda p: got(call("tkill", p.worker, 0)),
    kill_a_thread_of_the_worker=lambda p: got(call("tgkill", p.worker, p.worker, 0)),
    signal_by_queue=lambda p: got(call("rt_sigqueueinfo", p.worker, 0, ctypes.create_string_buffer(128))),
    signal_by_queue_of_a_thread=lambda p: got(
        call("rt_tgsigqueueinfo", p.worker, p.worker, 0, ctypes.create_string_buffer(128))
    ),
    signal_by_descriptor=lambda _: got(call("pidfd_send_signal", 3, 0, None, 0)),
    signal_by_owner=lambda p: fcntl.fcntl(0, fcntl.F_SETOWN, p.worker) == 0,
    signal_by_owner_of_ioctl=lambda p: fcntl.ioctl(3, 0x8901, struct.pack("i", p.worker)) is not None,
    signal_by_lease=lambda _: fcntl.fcntl(os.open(tempfile.gettempdir(), os.O_RDONLY), fcntl.F_NOTIFY, 1) == 0,
    signal_by_timer=lambda p: got(
        call("timer_create", 1, struct.pack("=QiiI44x", 0, 34, 4, p.worker), ctypes.create_string_buffer(8))
    ),
    limits_of_the_worker=lambda p: got(call("prlimit64", p.worker, 7, None, ctypes.create_string_buffer(16))),
    limits_of_another_slice=lambda p: got(call("prlimit64", p.sibling, 7, struct.pack("=QQ", 3, 3), None)),
    own_memory_limit=lambda _: got(call("prlimit64", 0, 2, struct.pack("=QQ", 2**40, 2**40), None)),
    priority_of_the_worker=lambda p: got(call("setpriority", 0, p.worker, 19)),
    cores_of_the_worker=lambda p: got(call("sched_setaffinity", p.worker, 8, struct.pack("=Q", 1))),
    group=lambda _: os.setsid(),
    input_of_the_terminal=lambda _: [fcntl.ioctl(n, 0x5412, b"x") for n in (0, 1, 2)],
)


def _own(name: str) -> Path:
    return Path(tempfile.gettempdir()) / name


@technique("symlink-out-of-the-folder")
def _symlink(prey: Prey) -> object:
    _own("way").symlink_to(prey.secret)
    return _own("way").read_bytes()


@technique("hard-link-into-the-folder")
def _hard_link(prey: Prey) -> object:
    os.link(prey.secret, _own("way"))
    return True


@technique("handle-of-a-file")
def _handle(prey: Prey) -> object:
    handle = ctypes.create_string_buffer(struct.pack("=I", 128) + bytes(132))
    named = call("name_to_handle_at", -100, prey.secret.encode(), handle, ctypes.byref(ctypes.c_int()), 0)
    return got(named) and got(call("open_by_handle_at", os.open("/usr/lib", os.O_RDONLY), handle, 0))


@technique("directory-above-the-folder")
def _above(_: Prey) -> object:
    return list(_own("..").resolve().iterdir())


@technique("open-by-the-newest-call")
def _openat2(prey: Prey) -> object:
    return got(LIBC.syscall(437, -100, prey.secret.encode(), struct.pack("=QQQ", 0, 0, 0), 24))


simply(
    read_a_secret=lambda p: Path(p.secret).read_bytes(),
    read_a_secret_by_libc=lambda p: got(LIBC.open(p.secret.encode(), 0)),
    read_a_secret_by_root=lambda p: Path(f"/proc/self/root{p.secret}").read_bytes(),
    read_passwd=lambda _: Path("/etc/passwd").read_bytes(),
    read_shadow=lambda _: Path("/etc/shadow").read_bytes(),
    read_environment=lambda _: Path("/proc/self/environ").read_bytes(),
    read_memory=lambda _: os.open("/dev/mem", os.O_RDONLY),
    read_kernel_log=lambda _: os.open("/dev/kmsg", os.O_RDONLY),
    list_root=lambda _: list(Path("/").iterdir()),
    write_outside=lambda p: Path(f"{p.secret}.made").write_text("mail"),
    write_shared_memory=lambda _: Path(f"/dev/shm/{os.getpid()}").write_text("mail"),
    write_over_a_library=lambda _: os.open(os.__file__, os.O_WRONLY),
    write_beside_a_library=lambda _: (Path(os.__file__).parent / "made.py").write_text("mail"),
    remove_a_secret=lambda p: Path(p.secret).unlink() is None,
    rename_a_secret=lambda p: Path(p.secret).rename(_own("way")),
    mode_of_a_secret=lambda p: Path(p.secret).chmod(0o777) is None,
    mode_of_a_library=lambda _: os.fchmod(os.open(os.__file__, os.O_RDONLY), 0o777) is None,
    owner_of_a_secret=lambda p: os.chown(p.secret, 1, 1) is None,
    times_of_a_secret=lambda p: os.utime(p.secret, (1, 1)) is None,
    attribute_of_a_secret=lambda p: os.setxattr(p.secret, "user.mail", b"mail") is None,
    truncate_a_secret=lambda p: os.truncate(p.secret, 0) is None,
    pipe_outside=lambda p: os.mkfifo(f"{p.secret}.made") is None,
    node=lambda _: os.mknod(_own("node"), 0o600 | 0o020000, os.makedev(1, 1)) is None,
    mount=lambda _: got(call("mount", b"none", tempfile.gettempdir().encode(), b"tmpfs", 0, None)),
    mount_anew=lambda _: got(call("open_tree", -100, b"/", 1)),
    file_system=lambda _: got(call("fsopen", b"tmpfs", 0)),
    root=lambda _: os.chroot(tempfile.gettempdir()) is None,
    shared_memory=lambda _: got(call("shmget", 0, 4096, 0o1600)),
    semaphores=lambda _: got(call("semget", 0, 1, 0o1600)),
    messages=lambda _: got(call("msgget", 0, 0o1600)),
    message_queue=lambda _: got(call("mq_open", b"mail", os.O_CREAT | os.O_RDWR, 0o600, None)),
    keys=lambda _: got(call("keyctl", 0, -3, 1)),
    add_a_key=lambda _: got(call("add_key", b"user", b"mail", b"mail", 4, -3)),
    nameless_memory=lambda _: got(call("memfd_create", b"x", 0)),
    secret_memory=lambda _: got(call("memfd_secret", 0)),
    page_faults=lambda _: got(call("userfaultfd", 1)),
    programs_in_the_kernel=lambda _: got(call("bpf", 0, ctypes.create_string_buffer(128), 128)),
    counters=lambda _: got(call("perf_event_open", ctypes.create_string_buffer(128), 0, -1, -1, 0)),
    watch_files=lambda _: got(call("inotify_init1", 0)),
    be_readable=lambda _: got(call("prctl", 4, 1, 0, 0, 0)),
    gain_privileges=lambda _: got(call("prctl", 38, 0, 0, 0, 0)),
    another_filter=lambda _: got(call("seccomp", 2, 0, ctypes.byref(ctypes.c_uint32(0x7FFF0000)))),
    personality=lambda _: got(call("personality", 0x0400000)),
    another_user=lambda _: os.setuid(1) is None,
    host_name=lambda _: got(call("sethostname", b"x", 1)),
    clock=lambda _: got(call("clock_settime", 0, struct.pack("=qq", 0, 0))),
)


def _dialled(name: str) -> Technique:
    return lambda _: got(line().dial(name, 2.0))


simply(
    ask_for_a_port_of_this_machine=lambda p: got(line().dial(f"127.0.0.1:{p.tcp}", 2.0)),
    ask_for_a_socket_of_this_machine=lambda p: got(line().dial(f"unix:{p.unix}", 2.0)),
    ask_for_metadata=_dialled("169.254.169.254:80"),
    ask_for_another_host=_dialled("example.com:443"),
    ask_for_nothing=_dialled(""),
    ask_for_a_file=_dialled("file:/etc/passwd"),
    ask_for_too_much=_dialled("x" * 100_000),
    ask_for_a_door_with_a_tail=lambda p: got(line().dial(f"{p.open_door}@example.com", 2.0)),
    connect_as_libraries_do=lambda p: socket.create_connection(("127.0.0.1", p.tcp), 2),
)


def _channel() -> socket.socket:
    return line()._channel


@technique("garbage-to-the-worker")
def _garbage(_: Prey) -> object:
    _channel().sendall(os.urandom(SIZE * 20))
    threading.Event().wait(0.5)
    return False


@technique("a-descriptor-for-the-worker")
def _descriptor_for_the_worker(prey: Prey) -> object:
    errand = Errand(9, prey.open_door, 1.0).packed()
    for _ in range(5):
        socket.send_fds(_channel(), [errand], [0, 1, 2])
    threading.Event().wait(0.5)
    return False


@technique("flood")
def _flood(prey: Prey) -> object:
    """Ask for more connections than a slice may have in its time; whether it got them."""
    errand, until, asked = Errand(9, prey.open_door, 1.0).packed(), time.monotonic() + 2, 0
    _channel().settimeout(0.2)
    while time.monotonic() < until:
        asked += 1
        try:
            _channel().sendall(errand)
        except OSError:
            break
    return asked > 5000
