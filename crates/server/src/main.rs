//! The binary `adrastea`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    server::commands::run(&arguments, &server::Variables::of_this_process())
}
