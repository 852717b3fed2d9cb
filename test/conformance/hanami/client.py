"""A client of Hanami written from the contract sheet, for one generation: the whole life of data sets.

    python3 client.py http://127.0.0.1:1337 G1|S|G2|G3a|G3 USER PASSWORD

Prints one JSON object of what it saw. Needs Debian's python3-requests, python3-websockets, python3-protobuf.
"""
import asyncio
import base64
import json
import struct
import sys

import requests
import websockets
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

CHUNK = 131072  # bytes
PREFIX = {"G1": "/control/v1", "S": "/v1", "G2": "/v1", "G3a": "/v1.0alpha", "G3": "/v1.0alpha"}


def messages():
    """The two messages of uploads, made from their numbers and types."""
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="own.proto", syntax="proto3")
    upload = file.message_type.add(name="FileUpload_Message")
    upload.field.add(name="position", number=1, type=field.TYPE_UINT64, label=field.LABEL_OPTIONAL)
    upload.field.add(name="data", number=2, type=field.TYPE_BYTES, label=field.LABEL_OPTIONAL)
    response = file.message_type.add(name="FileUploadResponse_Message")
    response.field.add(name="success", number=1, type=field.TYPE_BOOL, label=field.LABEL_OPTIONAL)
    response.field.add(name="errorMessage", number=2, type=field.TYPE_STRING, label=field.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return [factory.GetPrototype(pool.FindMessageTypeByName(name.name)) for name in file.message_type]


Upload, Response = messages()


class Client:
    def __init__(self, address, generation):
        self.address = address
        self.generation = generation
        self.token = None

    def call(self, method, path, body=None, query=""):
        """A new connection for each call; a body is JSON without a Content-Type."""
        url = f"{self.address}{PREFIX[self.generation]}/{path}" + (f"?{query}" if query else "")
        headers = {} if self.token is None else {"X-Auth-Token": self.token}
        data = None if body is None else json.dumps(body)
        return requests.request(method, url, headers=headers, data=data)

    def ok(self, *args, **rest):
        answer = self.call(*args, **rest)
        assert answer.status_code == 200, (args, answer.status_code, answer.text)
        assert answer.headers["Content-Type"] == "text/json", answer.headers
        return json.loads(answer.content)

    def login(self, user, password):
        is_new = self.generation == "G3"
        secret = {"passphrase": base64.b64encode(password.encode()).decode()} if is_new else {"password": password}
        return self.call("POST", "token", {"id": user, **secret})

    async def send(self, part, data):
        url = "ws://" + self.address.split("/")[2]
        async with websockets.connect(url) as socket:
            await socket.send(json.dumps({"token": self.token, "target": "file_upload", "uuid": part}))
            answer = json.loads(await socket.recv())
            if answer["success"] is False:
                return answer
            for position in range(0, len(data), CHUNK):
                message = Upload(position=position, data=data[position : position + CHUNK])
                await socket.send(message.SerializeToString())
                response = Response.FromString(await socket.recv())
                assert response.success, response.errorMessage
            return answer

    def paths(self, kind):
        return f"dataset/upload/{kind}" if self.generation in ("G2", "G3a", "G3") else f"{kind}/dataset"

    def upload(self, kind, name, files):
        sizes = dict(zip(("input_data_size", "label_data_size"), map(len, files)))
        made = self.ok("POST", self.paths(kind), {"name": name, **sizes})
        names = ("uuid_input_file", "uuid_label_file")[: len(files)]
        parts = {part: made[part] for part in names}
        before = self.ok("GET", "dataset/progress", query=f"uuid={made['uuid']}")["complete"]
        early = self.call("PUT", self.paths(kind), {"uuid": made["uuid"], **parts}).status_code
        for part, data in zip(names, files):
            answer = asyncio.run(self.send(parts[part], data))
            assert answer["success"] is True and answer["uuid"] not in parts.values(), answer
        after = self.ok("GET", "dataset/progress", query=f"uuid={made['uuid']}")["complete"]
        finalize = {"uuid": made["uuid"], **parts}
        done = self.ok("PUT", self.paths(kind), finalize)
        again = self.call("PUT", self.paths(kind), finalize).status_code
        late = asyncio.run(self.send(parts[names[0]], files[0]))["success"]
        seen = {"complete": [before, after], "early": early, "again": again, "late": late}
        return made["uuid"], {**seen, "finalized": done["uuid"] == made["uuid"]}


def mnist(count):
    """Pictures of which every pixel is the number of the picture, modulo 256; its label that, modulo 10."""
    images = struct.pack(">IIII", 2051, count, 28, 28) + b"".join(bytes([n % 256]) * 784 for n in range(count))
    labels = struct.pack(">II", 2049, count) + bytes(n % 10 for n in range(count))
    return [images, labels]


def main(address, generation, user, password):
    client = Client(address, generation)
    seen = {"wrong": client.login(user, "another password").status_code}
    logged_in = client.login(user, password)
    seen["login"] = sorted(json.loads(logged_in.content))
    client.token = json.loads(logged_in.content)["token"]

    digits, seen["mnist"] = client.upload("mnist", "test digits", mnist(382))
    numbers, seen["csv"] = client.upload("csv", "test numbers", [b"a,b\n1,2\n3,4\n"])

    table = client.ok("GET", "dataset/all")
    seen["header"] = table["header"]
    column = 0 if generation == "G1" else 1
    seen["listed"] = [row[column] for row in table["body"]] == [digits, numbers]
    seen["digits"] = client.ok("GET", "dataset", query=f"uuid={digits}")
    seen["numbers"] = client.ok("GET", "dataset", query=f"uuid={numbers}")
    if generation in ("G3a", "G3"):
        query = f"uuid={digits}&column_name=label&row_offset=381&number_of_rows=5"
        seen["content"] = client.ok("GET", "dataset/content", query=query)["data"]
    seen["malformed"] = client.call("GET", "dataset", query="uuid=fail_dataset").status_code
    seen["deleted"] = [client.call("DELETE", "dataset", query=f"uuid={digits}").status_code for _ in range(2)]
    seen["foreign"] = asyncio.run(client.send(digits, b"x"))
    client.ok("DELETE", "dataset", query=f"uuid={numbers}")
    client.token = "no.token"
    seen["unauthorized"] = client.call("GET", "dataset/all").status_code
    seen["refused"] = asyncio.run(client.send(digits, b"x"))["success"]
    print(json.dumps(seen))


main(*sys.argv[1:])
