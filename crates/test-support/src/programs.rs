//! The programs that tests start, built beside the tests by `cargo xtask test`.

use std::ffi::OsString;
use std::path::PathBuf;

/// The binary `adrastea` (`ADRASTEA_TEST_BINARY`, else the one beside the running test).
pub fn server_program() -> PathBuf {
    program("ADRASTEA_TEST_BINARY", "adrastea", "server")
}

/// The binary `fake-kernel` (`ADRASTEA_TEST_FAKE_KERNEL`, else the one beside the running test).
pub fn fake_kernel_program() -> PathBuf {
    program("ADRASTEA_TEST_FAKE_KERNEL", "fake-kernel", "fake-kernel")
}

/// A Python with the reference, the front ends and ipykernel (`ADRASTEA_TEST_PYTHON`), if there is one.
pub fn test_python() -> Option<PathBuf> {
    variable("ADRASTEA_TEST_PYTHON").map(PathBuf::from)
}

fn program(name: &str, file: &str, package: &str) -> PathBuf {
    let path = match variable(name) {
        Some(path) => PathBuf::from(path),
        None => {
            // target/debug/deps/integration-… → target/debug
            let test = std::env::current_exe().expect("the path of this test");
            let directory = test.ancestors().nth(2).expect("the directory of the build");
            directory.join(file)
        }
    };
    assert!(
        path.is_file(),
        "{} is not there: run `cargo xtask test`, or `cargo build -p {package}` first",
        path.display()
    );
    path
}

/// A variable of the environment of the tests, unless it is empty.
#[expect(
    clippy::disallowed_methods,
    reason = "tests are told by `cargo xtask test` what to use"
)]
pub fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
