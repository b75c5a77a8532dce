"""A console beside the server: `jupyter_client` on a connection file.

    python console.py RUNTIME_DIR KERNEL_ID
"""

import sys

from jupyter_client import BlockingKernelClient, find_connection_file

client = BlockingKernelClient(connection_file=find_connection_file(sys.argv[2], path=[sys.argv[1]]))
client.load_connection_file()
client.start_channels()
client.wait_for_ready(timeout=30)
assert client.hb_channel.is_beating()
printed = []


def show(message):
    if message["msg_type"] == "stream":
        printed.append(message["content"]["text"])


client.execute_interactive(
    "print(answer, input('name? '))",
    allow_stdin=True,
    timeout=30,
    output_hook=show,
    stdin_hook=lambda message: client.input("Ada of " + message["content"]["prompt"]),
)
client.stop_channels()
print("".join(printed), end="")
