"""Stores on loopback, each behind a proxy: moto's S3 and azurite's blobs."""

import atexit
import os
import socket
import subprocess
import sys
import time

from proxy import Proxy

READY_WITHIN = 120
BUCKET = "corpora"

# Azurite's own, which its documentation prints.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def start(command, port, log):
    """Starts a server that is to listen on the port."""
    with open(log, "wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    atexit.register(process.kill)
    end = time.monotonic() + READY_WITHIN
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"{command[0]} does not listen:\n{open(log).read()}")


class S3:
    name = "s3"
    root = f"s3://{BUCKET}"

    def __init__(self, folder):
        import boto3

        port = free_port()
        start([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], port, folder / "moto.log")
        self.proxy = Proxy(port)
        self.environment = {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.proxy.port}",
            "AWS_ALLOW_HTTP": "true",
        }
        self.client = boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{port}",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            region_name="us-east-1",
        )
        self.client.create_bucket(Bucket=BUCKET)

    def put(self, key, content):
        self.client.put_object(Bucket=BUCKET, Key=key, Body=content)

    def get(self, key):
        return self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()

    def delete(self, key):
        self.client.delete_object(Bucket=BUCKET, Key=key)

    def list(self, prefix):
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        found = [entry for page in pages for entry in page.get("Contents", [])]
        return {entry["Key"]: entry["LastModified"] for entry in found}


class Azure:
    name = "az"
    root = f"az://{BUCKET}"

    def __init__(self, folder, azurite):
        from azure.storage.blob import BlobServiceClient

        port = free_port()
        command = ["node", azurite, "--blobHost", "127.0.0.1", "--blobPort", str(port), "--silent"]
        command += ["--skipApiVersionCheck", "--disableTelemetry", "--location", str(folder / "azurite")]
        start(command, port, folder / "azurite.log")
        self.proxy = Proxy(port)
        self.environment = {
            "AZURE_STORAGE_USE_EMULATOR": "true",
            "AZURITE_BLOB_STORAGE_URL": f"http://127.0.0.1:{self.proxy.port}",
        }
        client = BlobServiceClient(f"http://127.0.0.1:{port}/{ACCOUNT}", credential=KEY)
        self.client = client.create_container(BUCKET)

    def put(self, key, content):
        self.client.upload_blob(key, content, overwrite=True)

    def get(self, key):
        return self.client.download_blob(key).readall()

    def delete(self, key):
        self.client.delete_blob(key)

    def list(self, prefix):
        return {blob.name: blob.etag for blob in self.client.list_blobs(name_starts_with=prefix)}


def clean_environment():
    """Without what this machine says of stores."""
    prefixes = ("AWS_", "AZURE_", "GOOGLE_", "SPLADE_", "http", "HTTP")
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}
