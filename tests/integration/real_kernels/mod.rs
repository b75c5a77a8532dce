//! Kernels of other makers, and other people's clients: Bash, whose shell is a child of a kernel in Python, and Deno,
//! in which nothing is of Python or libzmq. (ipykernel is in `kernels` and `channels`.)

mod cells;
mod clients;
mod ending;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use test_support::{TestClient, TestServer, TestServerBuilder, TestSocket};
use wire::{Message, Subprotocol};

use crate::channels::{ipykernel::python, run, text};

/// A kernel and how its language says what the tests ask of it.
struct RealKernel {
    name: &'static str,
    display_name: &'static str,
    language: &'static str,
    /// Prints `hello` and a line's end.
    greets: &'static str,
    fails: &'static str,
    /// The `evalue` of that.
    fails_with: &'static str,
    /// The beginning of a name, and the whole of it as a completion.
    begins: (&'static str, &'static str),
    /// Sets a variable to 42.
    remembers: &'static str,
    /// Prints the variable, or nothing but a line's end where there is none.
    recalls: &'static str,
    /// Starts a process that nobody waits for, and prints its number last.
    leaves_a_process: &'static str,
}

const KERNELS: [RealKernel; 2] = [
    RealKernel {
        name: "bash",
        display_name: "Bash",
        language: "bash",
        greets: "echo hello",
        fails: "(exit 3)",
        fails_with: "3",
        begins: ("ech", "echo"),
        remembers: "answer=42",
        recalls: "echo $answer",
        leaves_a_process: "sleep 600 & echo $!",
    },
    RealKernel {
        name: "deno",
        display_name: "Deno",
        language: "typescript",
        greets: "console.log('hello')",
        fails: "throw new TypeError('oh')",
        fails_with: "oh",
        begins: ("Deno.ver", "version"),
        remembers: "globalThis.answer = 42; null",
        recalls: "console.log(globalThis.answer ?? '')",
        leaves_a_process: "console.log(String(new Deno.Command('sleep', { args: ['600'] }).spawn().pid))",
    },
];

/// A server with these kernels.
async fn server() -> TestServer {
    builder().start().await
}

/// The same, to be changed before it starts. The kernelspecs are as the kernels' own installers write them.
fn builder() -> TestServerBuilder {
    let home = tempfile::tempdir().unwrap();
    let deno = python().with_file_name("deno");
    let installers: [(PathBuf, &[&str]); 2] = [
        (python(), &["-m", "bash_kernel.install", "--user"]),
        (deno, &["jupyter", "--install"]),
    ];
    for (program, arguments) in installers {
        let output = Command::new(&program)
            .args(arguments)
            .env("HOME", home.path())
            .env_remove("XDG_DATA_HOME")
            .env_remove("JUPYTER_DATA_DIR")
            .env("JUPYTER_PLATFORM_DIRS", "0")
            .stdin(Stdio::null())
            .output()
            .expect("the kernels of tests/requirements.txt are installed");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }
    let mut builder = TestServer::builder().without_fake_kernel();
    for kernel in &KERNELS {
        let installed = home.path().join(".local/share/jupyter/kernels").join(kernel.name);
        builder = builder.installed_kernelspec(&installed);
    }
    builder
}

/// Opens a session for a document of its own: its model.
async fn open(client: &TestClient, kernel: &RealKernel) -> Value {
    let path = format!("{}.ipynb", uuid::Uuid::new_v4());
    let body = json!({"path": path, "name": path, "type": "notebook", "kernel": {"name": kernel.name}});
    client.post("/api/sessions", &body).await.expect(201).json()
}

fn id_of(session: &Value) -> String {
    session["kernel"]["id"].as_str().unwrap().to_owned()
}

/// A session with a kernel and a socket to it.
async fn opened(server: &TestServer, kernel: &RealKernel, subprotocol: Subprotocol) -> (Value, TestSocket) {
    let owner = server.as_owner();
    let session = open(&owner, kernel).await;
    let socket = owner.channels(&id_of(&session), "page", subprotocol).await;
    (session, socket)
}

/// What a cell says, to its end and until it `is_complete`: Deno may say that it is idle before it shows anything.
async fn said(socket: &mut TestSocket, code: &str, is_complete: impl Fn(&[Message]) -> bool) -> Vec<Message> {
    let mut said = run(socket, code).await;
    while !is_complete(&said) {
        said.push(socket.next().await.expect("more of the cell"));
    }
    said
}

/// What a cell prints, which is one line at least.
async fn printed(socket: &mut TestSocket, code: &str) -> String {
    text(&said(socket, code, |said| text(said).ends_with('\n')).await)
}
