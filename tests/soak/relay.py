# SPDX-License-Identifier: BSL-1.0
"""A bad wire between clients and a server on 127.0.0.1: it chops, delays, and flips one bit of each connection."""
import asyncio
import random
import threading


class Relay:
    """Listens while it is entered. `most` is the most that it passes on at once, `pause` the longest wait before that."""

    def __init__(self, to, seed, most=65536, pause=0.0, flip=False):
        self.to, self.random, self.most, self.pause, self.flip = to, random.Random(seed), most, pause, flip
        self.pieces = self.flips = 0
        self.loop = asyncio.new_event_loop()
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        self.ready.wait(20)
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.stop.set)
        self.thread.join(20)

    def _run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self._serve())

    async def _serve(self):
        self.stop = asyncio.Event()
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0, limit=65536)
        self.port = server.sockets[0].getsockname()[1]
        self.ready.set()
        await self.stop.wait()
        server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _connection(self, reader, writer):
        try:
            other_reader, other_writer = await asyncio.open_connection("127.0.0.1", self.to)
        except OSError:
            writer.close()
            return
        # Behind the record's header: a length that grows only makes the peer wait for more, which is no error yet.
        at = [None, None]
        if self.flip:
            at[self.random.randrange(2)] = self.random.randrange(100, 2500)
        await asyncio.gather(self._pass(reader, other_writer, at[0]), self._pass(other_reader, writer, at[1]))
        for w in (writer, other_writer):
            w.close()

    async def _pass(self, reader, writer, flip_at):
        done = 0
        try:
            while data := bytearray(await reader.read(self.random.randint(1, self.most))):
                if flip_at is not None and done <= flip_at < done + len(data):
                    data[flip_at - done] ^= 1 << self.random.randrange(8)
                    self.flips += 1
                done += len(data)
                self.pieces += 1
                if self.pause:
                    await asyncio.sleep(self.random.random() * self.pause)
                writer.write(data)
                await writer.drain()
            writer.write_eof()
        except OSError:
            writer.transport.abort()
