"""Chromium without a driver: a page in a frame of a given width, measured, or printed to PDF."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import threading
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
HARNESS = """<!DOCTYPE html><meta charset="utf-8"><body style="margin:0">
<iframe src="report.html" style="width:{width}px;height:800px;border:0"></iframe><pre></pre>
<script>
addEventListener("load", () => {{
  const frame = document.querySelector("iframe").contentWindow, page = frame.document;
  const boxes = ".scroll, .program, .aside, .marks";
  const wide = [...page.body.querySelectorAll("*")].filter((e) =>
    !e.closest(boxes) && e.getBoundingClientRect().right > frame.innerWidth + 0.5);
  document.querySelector("pre").textContent = JSON.stringify({{
    width: frame.innerWidth,
    scrolled: page.documentElement.scrollWidth,
    wide: wide.map((e) => `${{e.tagName}}.${{e.getAttribute("class")}}`),
    scrolling: [...page.querySelectorAll(".scroll")].filter((e) =>
      e.scrollWidth > e.clientWidth + 1).map((e) => e.getAttribute("aria-label")),
    unloaded: [...page.images].filter((i) => !(i.complete && i.naturalWidth)).length,
    images: page.images.length,
    fetched: frame.performance.getEntriesByType("resource").map((e) => e.name.slice(0, 80)),
    widths: Object.fromEntries(["p", "h1", ".banner", ".program", "figure.forest", ".scroll"].map(
      (kind) => [kind, Math.max(0, ...[...page.querySelectorAll(kind)].map(
        (e) => e.getBoundingClientRect().width))])),
    verdictBottom: page.querySelector(".banner h2").getBoundingClientRect().bottom,
    tableBottom: page.querySelector(".verdicts").getBoundingClientRect().bottom,
  }});
}});
</script>
"""
AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
"""What `npm ci` in this folder installs, held to the hash in package-lock.json."""
AUDIT = """<!DOCTYPE html><meta charset="utf-8"><body style="margin:0">
<iframe src="report.html" style="width:{width}px;height:900px;border:0"></iframe><pre></pre>
<script>
addEventListener("load", () => {{
  const frame = document.querySelector("iframe").contentWindow, page = frame.document;
  page.querySelectorAll("details").forEach((e) => e.open = true);
  const axe = page.createElement("script");
  axe.src = "axe.min.js";
  axe.onload = () => frame.axe.run(page).then((result) => {{
    document.querySelector("pre").textContent = JSON.stringify({{
      passes: result.passes.map((rule) => rule.id),
      violations: result.violations.map((rule) => ({{
        rule: rule.id, impact: rule.impact,
        nodes: rule.nodes.map((node) => node.html.slice(0, 160)),
      }})),
    }});
  }});
  page.head.append(axe);
}});
</script>
"""
AUDIT_MILLISECONDS = 60_000
"""Of the page's own clock, which runs ahead where nothing is computed."""


def find() -> str | None:
    """Return the path of a Chromium, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@dataclass(frozen=True)
class Browser:
    """A Chromium with a profile of its own."""

    program: str
    profile: Path

    def measure(self, folder: Path, width: int) -> dict[str, Any]:
        """Return what a page of this width looks like: `report.html` in the folder."""
        measured, requested = self._harnessed(folder, HARNESS.format(width=width))
        return {**measured, "asked": requested}

    def audit(self, folder: Path, width: int) -> dict[str, Any]:
        """Return axe's `violations` of `report.html`, its folds opened, and the rules it passed."""
        shutil.copy(AXE, folder / AXE.name)
        clock = f"--virtual-time-budget={AUDIT_MILLISECONDS}"
        audited, _ = self._harnessed(folder, AUDIT.format(width=width), clock)
        return audited

    def print(self, page: Path, target: Path) -> bytes:
        """Return the page as PDF."""
        self._run("--no-pdf-header-footer", f"--print-to-pdf={target}", page.as_uri())
        return target.read_bytes()

    def filled(self, page: Path, folder: Path) -> list[float]:
        """Return for each printed page how far down there is ink, from 0 at its top to 1."""
        target = folder / "printed.pdf"
        self.print(page, target)
        command = ["pdftoppm", "-gray", "-r", "24", str(target), str(folder / "sheet")]
        subprocess.run(command, timeout=60, check=True)
        return [_ink(sheet.read_bytes()) for sheet in sorted(folder.glob("sheet-*.pgm"))]

    def _harnessed(
        self, folder: Path, harness: str, *flags: str
    ) -> tuple[dict[str, Any], list[str]]:
        """Return what a harness wrote of the report in its frame, and the paths asked for."""
        (folder / "harness.html").write_text(harness)
        with _Served(folder) as (address, requested):
            url = f"{address}/harness.html"
            dom = self._run("--window-size=1400,900", *flags, "--dump-dom", url)
        match = re.search(r"<pre>(\{.*?\})</pre>", dom, flags=re.DOTALL)
        assert match is not None, f"the harness measured nothing: {dom[:500]}"
        return json.loads(html.unescape(match.group(1))), requested

    def _run(self, *arguments: str) -> str:
        command = [self.program, *FLAGS, f"--user-data-dir={self.profile}", *arguments]
        completed = subprocess.run(command, capture_output=True, timeout=120, check=True)
        return completed.stdout.decode()


def _ink(pgm: bytes) -> float:
    """Return how far down a grey picture has ink; PGM's header is three lines."""
    _, size, _, pixels = pgm.split(b"\n", 3)
    width, height = map(int, size.split())
    rows = (pixels[width * row : width * (row + 1)] for row in range(height))
    return max((row + 1 for row, line in enumerate(rows) if min(line) < 200), default=0) / height


class _Served:
    """A folder on a local port, and the paths that were asked for."""

    def __init__(self, folder: Path) -> None:
        calls: list[str] = []

        class Handler(SimpleHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                calls.append(self.path)

        self.asked = calls
        handler = partial(Handler, directory=str(folder))
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)

    def __enter__(self) -> tuple[str, list[str]]:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_port}", self.asked

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
