"""Ansible connection to the one container that flibs has opened for this suite (docs/test-sti.md).

It speaks over a Unix socket in the workspace to flibs, which runs commands and reads files in that container and does nothing else.
A request: 4 bytes length (big endian) and JSON, then `stdin` bytes. The answer: frames of a kind (1 stdout, 2 stderr, 3 end, 4 error),
4 bytes length, and bytes; an end is JSON, an error a text.
"""
from __future__ import annotations

DOCUMENTATION = """
name: flibs
short_description: the image under test
description: Runs commands in the container that flibs has opened for a Standard Test Interface suite.
author: flibs
options:
  remote_user:
    description: User in the container; the image's own when left out.
    type: str
    vars:
      - name: ansible_user
    keyword:
      - name: remote_user
"""

import json
import socket
import struct

from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleFileNotFound
from ansible.plugins.connection import ConnectionBase

SOCKET = "/workspace/subject.sock"


class Connection(ConnectionBase):
    transport = "flibs"
    has_pipelining = True

    def _connect(self):
        self._connected = True
        return self

    def exec_command(self, cmd, in_data=None, sudoable=True):
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        return self._exec(["/bin/sh", "-c", cmd], in_data, sudoable)

    def put_file(self, in_path, out_path):
        super().put_file(in_path, out_path)
        try:
            with open(in_path, "rb") as file:
                data = file.read()
        except FileNotFoundError as error:
            raise AnsibleFileNotFound(f"no such file: {in_path}") from error
        code, _, stderr = self._exec(["/bin/sh", "-c", 'cat > "$1"', "sh", out_path], data, True)
        if code != 0:
            raise AnsibleError(f"could not write {out_path}: {stderr.decode(errors='replace').strip()}")

    def fetch_file(self, in_path, out_path):
        super().fetch_file(in_path, out_path)
        _, data, _ = self._ask({"do": "read", "path": in_path}, b"")
        with open(out_path, "wb") as file:
            file.write(data)

    def close(self):
        self._connected = False

    def _exec(self, command, in_data, sudoable):
        request = {"do": "exec", "command": command}
        user = self.get_option("remote_user")
        if sudoable and self.become is not None:
            user = self.become.get_option("become_user", playcontext=self._play_context) or "root"
        if user:
            # An image need not have a file of users for that.
            request["user"] = "0" if user == "root" else user
        return self._ask(request, in_data or b"")

    def _ask(self, request, data):
        if isinstance(data, str):
            data = data.encode()
        header = json.dumps({**request, "stdin": len(data)}).encode()
        parts = {1: [], 2: []}
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
                peer.connect(SOCKET)
                peer.sendall(struct.pack(">I", len(header)) + header)
                try:
                    peer.sendall(data)
                except BrokenPipeError:
                    pass  # a command may end without having read everything
                while True:
                    kind, length = struct.unpack(">BI", self._read(peer, 5))
                    body = self._read(peer, length)
                    if kind == 3:
                        return json.loads(body)["exitCode"], b"".join(parts[1]), b"".join(parts[2])
                    if kind == 4:
                        raise AnsibleConnectionFailure(body.decode(errors="replace"))
                    parts[kind].append(body)
        except OSError as error:
            raise AnsibleConnectionFailure(f"flibs does not answer: {error}") from error

    @staticmethod
    def _read(peer, length):
        data = bytearray()
        while len(data) < length:
            part = peer.recv(min(length - len(data), 65536))
            if not part:
                raise AnsibleConnectionFailure("flibs ended the connection")
            data += part
        return bytes(data)
