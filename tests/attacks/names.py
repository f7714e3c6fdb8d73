"""Names that lead elsewhere, hide what a file is, or are hard to keep."""

from tests.attacks.kinds import Sent
from uploads.tests import samples


def _png(name: str) -> Sent:
    return Sent(lambda: samples.PNG, name, "image/png")


NAMES: dict[str, Sent] = {
    "double-extension-program-last": _png("moon.png.exe"),
    "double-extension-program-first": _png("moon.php.png"),
    "nul-hides-an-extension": _png("moon.exe\0.png"),
    "nul-hides-the-picture": _png("moon.png\0.exe"),
    "reversed-by-rtl-override": _png("moon\u202egnp.exe"),
    "rtl-override": _png("moon\u202egpj.png"),
    "name-in-nfd": _png("e\u0301te\u0301.png"),
    "name-in-nfc": _png("\u00e9t\u00e9.png"),
    "device-name": _png("CON"),
    "device-name-with-extension": _png("aux.png"),
    "name-of-300-characters": _png("x" * 296 + ".png"),
    "name-of-300-moons": _png("\N{FULL MOON SYMBOL}" * 296 + ".png"),
    "path-up": _png("../../../etc/passwd.png"),
    "absolute-path": _png("/etc/cron.d/moon.png"),
    "windows-path": _png("C:\\Windows\\moon.png"),
    "dots-only": _png(".."),
    "line-ends-encoded": _png("moon%0d%0aSet-Cookie: a=b.png"),
    "markup-in-name": _png("<img src=x onerror=alert(1)>.png"),
    "quotes-in-name": _png("mo'on; filename=evil.exe;.png"),
    "spaces-and-dots-around": _png("  .moon.png. . "),
    "invisible-only": _png("\u200b\u2060"),
}
