"""Clients of Soundlab's streams, written from its contract: each does what one of the seed document's snippets, or one of
the original's own programs, does. Each ends by itself, when it has seen as much as it was told to.

    clients.py NAME BASE COUNT        BASE is ws://host:port, with a token's path behind it where one is wanted
"""

import asyncio
import json
import queue
import sys
import threading

import websockets

STATES = {"IDLE", "AWAKE", "DREAMING", "DEEP_SLEEP", "REM", "CRITICAL", "TRANSITION"}
TRIES_MAX = 3
DELAY_FIRST = 0.05  # seconds; the document says 1.0
DELAY_MAX = 30.0


async def take(url, count, see):
    """Opens a stream, and shows `count` of its messages."""
    async with websockets.connect(url) as socket:
        for _ in range(count):
            see(json.loads(await socket.recv()))


async def metrics(base, count):
    await take(f"{base}/ws/metrics", count, lambda data: print(f"frame {data['frame']:d} ici {data['ici']:.3f}"))


async def latency(base, count):
    def see(data):
        assert data["total_latency_ms"] == round(data["hardware_latency_ms"] + data["software_latency_ms"], 3), data
        print(f"total {data['total_latency_ms']:.1f} ms calibrated {data['calibrated']}")

    await take(f"{base}/ws/latency", count, see)


async def both(base, count):
    await asyncio.gather(metrics(base, count), latency(base, count))


async def events(base, count):
    """Waits for as many, however long that is: nothing is replayed, and a silent stream is no error."""
    print("waits", flush=True)
    await take(f"{base}/ws/events", count, lambda data: print(f"event {json.dumps(data)}"))


async def critical(base, count):
    """Shows frames above 2, out of all."""
    async with websockets.connect(f"{base}/ws/metrics") as socket:
        print("waits", flush=True)
        async for message in socket:
            data = json.loads(message)
            if data.get("criticality", 0) > 2.0:
                print(f"critical {data['criticality']}")
                count -= 1
            if count == 0:
                return


async def queued(base, count):
    """Reads as fast as it can, and works in a thread."""
    waiting = queue.Queue()
    done = []

    def work():
        while True:
            done.append(json.loads(waiting.get())["frame"])
            waiting.task_done()

    threading.Thread(target=work, daemon=True).start()
    async with websockets.connect(f"{base}/ws/metrics") as socket:
        for _ in range(count):
            waiting.put(await socket.recv())
    waiting.join()
    print(f"worked {len(done)} in order {done == sorted(set(done))}")


async def retry(base, count):
    """Comes back with a delay that doubles, and gives up after some tries."""
    delay = DELAY_FIRST
    for attempt in range(1, TRIES_MAX + 1):
        try:
            async with websockets.connect(f"{base}/ws/metrics") as socket:
                for _ in range(count):
                    await socket.recv()
                print("served")
                return
        except websockets.exceptions.WebSocketException as error:
            print(f"attempt {attempt}: {error}")
            await asyncio.sleep(delay)
            delay = min(2 * delay, DELAY_MAX)
    print("gave up")


async def reconnect(base, count):
    """Some frames; away and back; in and out, quickly; some frames again."""
    url = f"{base}/ws/metrics"
    seen = []
    await take(url, count, lambda data: seen.append(data["frame"]))
    await take(url, count, lambda data: seen.append(data["frame"]))
    for _ in range(3):
        await take(url, 1, lambda data: seen.append(data["frame"]))
    await take(url, 2 * count, lambda data: seen.append(data["frame"]))
    print(f"seen {len(seen)} never back {seen == sorted(seen)}")


async def states(base, count):
    def see(data):
        assert data["state"] in STATES, data
        assert data["state"] != "CRITICAL" or data["consciousness_level"] >= 0.8, data
        assert data["coherence"] == data["phase_coherence"], data
        assert isinstance(data.get("state_change", {}), dict), data

    await take(f"{base}/ws/metrics", count, see)
    print("states are right")


async def whatever(base, _count):
    """Says something that means nothing, and takes the next message for its answer; then asks for a pong."""
    async with websockets.connect(f"{base}/ws/metrics") as socket:
        await socket.send('{"ping":"test"}')
        print(sorted(json.loads(await socket.recv()))[:2])
        await socket.send('{"type":"ping"}')
        while json.loads(await socket.recv()) != {"type": "pong"}:
            pass
        print("pong")


asyncio.run(globals()[sys.argv[1]](sys.argv[2], int(sys.argv[3])))
