"""What every closed process may read: the interpreter, libraries, certificates, time zones, and no folder beside them.

Our own packages may be read one by one: where they lie in a checkout, other things lie beside them.
"""

import ssl
import sys
import sysconfig
from pathlib import Path

_SYSTEM = (
    *("/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/local/lib", "/etc/ld.so.cache"),
    *("/etc/ssl", "/etc/pki", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates"),
    *("/usr/share/zoneinfo", "/etc/localtime", "/usr/share/locale", "/etc/mime.types"),
    *("/dev/null", "/dev/urandom"),
)


def readable() -> tuple[str, ...]:
    """Return the paths that there are."""
    paths = {*_SYSTEM, *_certificates(), *_python(), *_ours()}
    return tuple(path for path in sorted(paths) if Path(path).exists())


def _certificates() -> list[str]:
    paths = ssl.get_default_verify_paths()
    return [path for path in (paths.cafile, paths.capath, paths.openssl_cafile, paths.openssl_capath) if path]


def _python() -> list[str]:
    standard = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    installed = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    return [*standard, *installed, str(Path(sys.prefix) / "pyvenv.cfg")]


def _ours() -> list[str]:
    root = Path(__file__).parents[2]
    return [str(root / name) for name in ("app", "jobs", "migrator", "oauth", "web")]
