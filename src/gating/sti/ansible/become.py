"""`become` in the container under test: the connection starts the command as that user, so images need neither sudo nor su."""
from __future__ import annotations

DOCUMENTATION = """
name: flibs
short_description: another user of the image under test
description: Tells the connection flibs which user a command is for.
author: flibs
options:
  become_user:
    description: User in the container.
    type: str
    default: root
    vars:
      - name: ansible_become_user
    keyword:
      - name: become_user
"""

from ansible.plugins.become import BecomeBase


class BecomeModule(BecomeBase):
    name = "flibs"

    def build_become_command(self, cmd, shell):
        super().build_become_command(cmd, shell)
        return cmd
