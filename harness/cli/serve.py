"""`harness serve`: the pages of a store in a browser on this machine, made anew when the store has changed."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.options import Store


def command(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0: any free one.")] = 8000,
    store: Store = "",
) -> None:
    """Show a store in a browser on this machine, as it grows. Only 127.0.0.1 is served, and the store is only read."""
    from harness.cli.site import write_site
    from harness.cli.site_server import ADDRESS, Pages, serve
    from harness.errors import HarnessError
    from harness.scratch import Scratch
    from harness.store import Store as RunStore

    stored = RunStore(store)
    with Scratch("serve") as folder:
        pages = Pages(Path(folder), partial(write_site, stored, None))
        pages.fresh()
        try:
            server = serve(pages, port)
        except OSError as error:
            raise HarnessError(f"--port {port}: cannot be opened: {error.strerror}; name another port") from error
        with server:
            print(f"http://{ADDRESS}:{server.server_port}/ shows {stored.location}; ^C ends it", flush=True)
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                print("ended", file=sys.stderr)
