"""`jupyter_kernel_test` on kernels behind a server, which jupyter_server's own gateway client starts and talks to.

    python judge.py URL CLASS

Prints which tests did not run and which failed, as JSON.
"""

import json
import sys
import unittest

import jupyter_kernel_test
from jupyter_client.utils import run_sync
from jupyter_server.gateway.gateway_client import GatewayClient
from jupyter_server.gateway.managers import GatewayKernelClient, GatewayKernelManager

# Only ever waited out by a test that fails.
PATIENCE_S = 30


class BlockingClient(GatewayKernelClient):
    """As the tests want one. They wait 0.1 s for messages, which a busy machine may take longer for."""

    get_shell_msg = run_sync(GatewayKernelClient.get_shell_msg)
    get_iopub_msg = run_sync(GatewayKernelClient.get_iopub_msg)
    start_channels = run_sync(GatewayKernelClient.start_channels)

    @property
    def iopub_channel(self):
        channel = super().iopub_channel
        get_msg = type(channel).get_msg

        async def get_patiently(timeout):
            return await get_msg(channel, timeout=PATIENCE_S)

        channel.get_msg = get_patiently
        return channel


class BehindAServer:
    @classmethod
    def setUpClass(cls):
        cls.km = GatewayKernelManager(client_factory=BlockingClient)
        run_sync(cls.km.start_kernel)(kernel_name=cls.kernel_name)
        cls.addClassCleanup(run_sync(cls.km.shutdown_kernel))
        cls.kc = cls.km.client()
        cls.kc.start_channels()
        cls.addClassCleanup(cls.kc.stop_channels)
        cls.flush_channels(cls)

    @classmethod
    def tearDownClass(cls):
        """Done by the cleanups, which run also when the beginning fails."""

    def flush_channels(self):
        """To the `idle` of one more question: what was asked before it has come by then."""
        msg_id = self.kc.kernel_info()
        while self.kc.get_shell_msg(timeout=PATIENCE_S)["parent_header"].get("msg_id") != msg_id:
            pass
        while True:
            message = self.kc.get_iopub_msg(timeout=PATIENCE_S)
            is_status = message["msg_type"] == "status" and message["parent_header"].get("msg_id") == msg_id
            if is_status and message["content"]["execution_state"] == "idle":
                return


class IPython(BehindAServer, jupyter_kernel_test.KernelTests):
    kernel_name = "python3"
    language_name = "python"
    file_extension = ".py"
    code_hello_world = "print('hello, world')"
    code_stderr = "import sys; print('test', file=sys.stderr)"
    completion_samples = [{"text": "zi", "matches": ["zip"]}]
    complete_code_samples = ["1", "print('hello, world')", "def f(x):\n  return x*2\n\n\n"]
    incomplete_code_samples = ["print('''hello", "def f(x):\n  x*2"]
    invalid_code_samples = ["import = 7q"]
    code_page_something = "zip?"
    code_generate_error = "raise"
    code_execute_result = [{"code": "1+2+3", "result": "6"}, {"code": "[n*n for n in range(1, 4)]", "result": "[1, 4, 9]"}]
    code_display_data = [{"code": "from IPython.display import HTML, display; display(HTML('<b>x</b>'))", "mime": "text/html"}]
    code_history_pattern = "1?2*"
    supported_history_operations = ("tail", "search")
    code_inspect_sample = "zip"
    code_clear_output = "from IPython.display import clear_output; clear_output()"


class Bash(BehindAServer, jupyter_kernel_test.KernelTests):
    kernel_name = "bash"
    language_name = "bash"
    file_extension = ".sh"
    code_hello_world = "echo 'hello, world'"
    completion_samples = [{"text": "ech", "matches": ["echo"]}]
    code_generate_error = "(exit 3)"


class Deno(BehindAServer, jupyter_kernel_test.KernelTests):
    kernel_name = "deno"
    language_name = "typescript"
    file_extension = ".ts"
    code_hello_world = "console.log('hello, world')"
    code_stderr = "console.error('test')"
    completion_samples = [{"text": "Deno.ver", "matches": ["version"]}]
    complete_code_samples = ["1 + 1", "const two = 2;"]
    incomplete_code_samples = ["function f() {"]
    code_generate_error = "throw new TypeError('oh')"
    code_execute_result = [{"code": "1 + 2 + 3"}]
    code_display_data = [{"code": "await Deno.jupyter.display({'text/html': '<b>x</b>'}, {raw: true})", "mime": "text/html"}]

    def execute_helper(self, code, **options):
        """Deno may say that it is idle before it shows what there is to show."""
        reply, shown = super().execute_helper(code, **options)
        if not shown:
            shown.append(self.kc.get_iopub_msg(timeout=PATIENCE_S))
        return reply, shown


def names(told):
    return sorted({str(test).split()[0] for test, _ in told})


def main(url, tests):
    GatewayClient.instance().url = url
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(globals()[tests])
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    failed = result.failures + result.errors
    print(json.dumps({"run": result.testsRun, "skipped": names(result.skipped), "failed": names(failed)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
