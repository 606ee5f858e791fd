"""Makes calls with boto3 or obstore: one JSON line in, one JSON line out.

The first line out has the version of the package. After that every line in is a call with an
`id`, and every line out the response to one. `connect` makes the client of an endpoint, `close`
drops it and has no response. Calls are concurrent, each in a thread of its own. Clients have their
default settings.
"""

import importlib.metadata
import json
import sys
import threading
import time
from pathlib import Path

PART = 5 * 1024 * 1024


class Failed(Exception):
    """A failure that the client does not raise by itself."""


def main(package):
    runner = {"boto3": Boto3, "obstore": Obstore}[package]
    clients = {}
    say = Speaker()
    say({"version": importlib.metadata.version(package)})
    for line in sys.stdin:
        call = json.loads(line)
        if call["op"] == "close":
            clients.pop(call["endpoint"]["url"], None)
        else:
            arguments = (runner, clients, call, say)
            threading.Thread(target=respond, args=arguments, daemon=True).start()


def respond(runner, clients, call, say):
    reply = {"id": call["id"]}
    url = call["endpoint"]["url"]
    try:
        if call["op"] == "connect":
            # Making a client reads shared files, which is not safe in two threads.
            with CONNECTING:
                clients[url] = runner(call["endpoint"])
        else:
            reply.update(getattr(clients[url], call["op"])(call) or {})
    except Exception as error:  # any exception of a client is its result
        reply.update(failed=runner.kind_of(error), text=text_of(error))
    say(reply)


def text_of(error):
    """The text of an error and of those causes that it does not repeat itself."""
    text = f"{type(error).__name__}: {error}"
    seen = {id(error)}
    while (error := error.__cause__ or error.__context__) and id(error) not in seen:
        seen.add(id(error))
        if str(error) not in text:
            text += f": {type(error).__name__}: {error}"
    return text


class Speaker:
    """Writes whole lines, one at a time."""

    def __init__(self):
        self.lock = threading.Lock()

    def __call__(self, line):
        with self.lock:
            print(json.dumps(line), flush=True)


def in_parallel(act, items):
    """Acts on all items at the same time; the first error is raised."""
    results = [None] * len(items)

    def one(place, item):
        try:
            results[place] = act(item)
        except Exception as error:
            results[place] = error

    threads = [
        threading.Thread(target=one, args=pair, daemon=True) for pair in enumerate(items)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        if isinstance(result, Exception):
            raise result
    return results


def put_in_parallel(write, call):
    """Writes the objects whose bytes are in numbered files."""
    puts = [
        {"key": key, "content": Path(call["from"], str(number))}
        for number, key in enumerate(call["keys"])
    ]
    in_parallel(write, puts)


def write_bodies(call, bodies):
    """Writes the bodies to the files that the caller reads."""
    for number, body in enumerate(bodies):
        Path(call["into"], str(number)).write_bytes(body)
    return {"bodies": len(bodies)}


class Boto3:
    def __init__(self, endpoint):
        import boto3

        keys = {}
        if not endpoint["provider"]:
            keys["aws_access_key_id"] = endpoint["access_key"]
            keys["aws_secret_access_key"] = endpoint["secret_key"]
        # Sessions keep the keys of a provider, which the environment names.
        self.s3 = boto3.session.Session().client(
            "s3", endpoint_url=endpoint["url"], region_name=endpoint["region"], **keys
        )
        self.bucket = endpoint["bucket"]

    @staticmethod
    def kind_of(error):
        from botocore.exceptions import ClientError

        if not isinstance(error, ClientError):
            return "error"
        kinds = {
            "PreconditionFailed": "conflict",
            "NoSuchKey": "not found",
            "404": "not found",
            "AccessDenied": "denied",
        }
        return kinds.get(error.response.get("Error", {}).get("Code"), "error")

    def read(self, key, **options):
        return self.s3.get_object(Bucket=self.bucket, Key=key, **options)["Body"].read()

    def get(self, call):
        return write_bodies(call, [self.read(call["key"])])

    def get_many(self, call):
        return write_bodies(call, in_parallel(self.read, call["keys"]))

    def get_range(self, call):
        wanted = f"bytes={call['start']}-{call['end'] - 1}"
        return write_bodies(call, [self.read(call["key"], Range=wanted)])

    def get_pausing(self, call):
        body = self.s3.get_object(Bucket=self.bucket, Key=call["key"])["Body"]
        chunks = body.iter_chunks(64 * 1024)
        read = [next(chunks)]
        time.sleep(call["pause"])
        read.extend(chunks)
        return write_bodies(call, [b"".join(read)])

    def head(self, call):
        return {"size": self.s3.head_object(Bucket=self.bucket, Key=call["key"])["ContentLength"]}

    def list(self, call):
        pages = self.s3.get_paginator("list_objects_v2")
        pages = pages.paginate(Bucket=self.bucket, Prefix=call["prefix"])
        return {"keys": [one["Key"] for page in pages for one in page.get("Contents", [])]}

    def write(self, call, **options):
        data = Path(call["content"]).read_bytes()
        self.s3.put_object(Bucket=self.bucket, Key=call["key"], Body=data, **options)

    def put(self, call):
        self.write(call)

    def put_many(self, call):
        put_in_parallel(self.write, call)

    def create(self, call):
        self.write(call, IfNoneMatch="*")

    def update(self, call):
        self.write(call, IfMatch=call["e_tag"])

    def upload(self, call):
        from boto3.s3.transfer import TransferConfig

        config = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART)
        # Aborts the upload when it fails.
        self.s3.upload_file(call["content"], self.bucket, call["key"], Config=config)

    def copy(self, call):
        source = {"Bucket": self.bucket, "Key": call["from"]}
        self.s3.copy_object(Bucket=self.bucket, Key=call["to"], CopySource=source)

    def rename(self, call):
        self.copy(call)
        self.s3.delete_object(Bucket=self.bucket, Key=call["from"])

    def delete(self, call):
        self.s3.delete_object(Bucket=self.bucket, Key=call["key"])

    def delete_many(self, call):
        objects = {"Objects": [{"Key": key} for key in call["keys"]]}
        deleted = self.s3.delete_objects(Bucket=self.bucket, Delete=objects)
        if deleted.get("Errors"):
            raise Failed(deleted["Errors"])


class Obstore:
    def __init__(self, endpoint):
        from obstore.store import S3Store

        provider = endpoint["provider"]
        if provider:
            keys = {
                "container_credentials_full_uri": provider["url"],
                "container_authorization_token_file": provider["token_file"],
            }
        else:
            keys = {
                "access_key_id": endpoint["access_key"],
                "secret_access_key": endpoint["secret_key"],
            }
        self.store = S3Store(
            endpoint["bucket"],
            endpoint=endpoint["url"],
            region=endpoint["region"],
            client_options={"allow_http": True},
            **keys,
        )

    @staticmethod
    def kind_of(error):
        from obstore import exceptions

        kinds = [
            ((exceptions.AlreadyExistsError, FileExistsError), "conflict"),
            (exceptions.PreconditionError, "conflict"),
            ((exceptions.NotFoundError, FileNotFoundError), "not found"),
            ((exceptions.PermissionDeniedError, PermissionError), "denied"),
            (exceptions.UnauthenticatedError, "denied"),
        ]
        return next((kind for which, kind in kinds if isinstance(error, which)), "error")

    def read(self, key):
        import obstore

        return bytes(obstore.get(self.store, key).bytes())

    def get(self, call):
        return write_bodies(call, [self.read(call["key"])])

    def get_many(self, call):
        return write_bodies(call, in_parallel(self.read, call["keys"]))

    def get_range(self, call):
        import obstore

        wanted = {"start": call["start"], "end": call["end"]}
        return write_bodies(call, [bytes(obstore.get_range(self.store, call["key"], **wanted))])

    def get_pausing(self, call):
        import obstore

        chunks = iter(obstore.get(self.store, call["key"]).stream(min_chunk_size=64 * 1024))
        read = [bytes(next(chunks))]
        time.sleep(call["pause"])
        read.extend(bytes(chunk) for chunk in chunks)
        return write_bodies(call, [b"".join(read)])

    def head(self, call):
        import obstore

        return {"size": obstore.head(self.store, call["key"])["size"]}

    def list(self, call):
        import obstore

        chunks = obstore.list(self.store, prefix=call["prefix"])
        return {"keys": [one["path"] for chunk in chunks for one in chunk]}

    def write(self, call, **options):
        import obstore

        data = Path(call["content"]).read_bytes()
        obstore.put(self.store, call["key"], data, use_multipart=False, **options)

    def put(self, call):
        self.write(call)

    def put_many(self, call):
        put_in_parallel(self.write, call)

    def create(self, call):
        self.write(call, mode="create")

    def update(self, call):
        self.write(call, mode={"e_tag": call["e_tag"]})

    def upload(self, call):
        import obstore

        # Aborts the upload when it fails.
        with open(call["content"], "rb") as file:
            obstore.put(self.store, call["key"], file, use_multipart=True, chunk_size=PART)

    def copy(self, call):
        import obstore

        obstore.copy(self.store, call["from"], call["to"])

    def rename(self, call):
        import obstore

        obstore.rename(self.store, call["from"], call["to"])

    def delete(self, call):
        import obstore

        obstore.delete(self.store, call["key"])

    def delete_many(self, call):
        import obstore

        obstore.delete(self.store, call["keys"])


CONNECTING = threading.Lock()

if __name__ == "__main__":
    main(sys.argv[1])
