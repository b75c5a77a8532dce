//! The command line: which command it is, and the commands themselves.

mod chosen;
mod help;
mod kernel_host;
mod list;
mod restart;
mod routes;
mod serve;
mod show;
mod stop;

use std::process::ExitCode;

use crate::config::Application;
use crate::error::ServerError;
use crate::paths::{JupyterPaths, managed_environment};
use crate::python::environments_at_hand;
use crate::settings::command_line;
use crate::variables::Variables;

/// A command line that is no server's is wrong: `argparse`'s exit status for that.
const USAGE_EXIT: u8 = 2;

/// Runs what the arguments (without the program's name) say, and tells how it ended.
pub fn run(arguments: &[String], variables: &Variables) -> ExitCode {
    match dispatch(arguments, variables) {
        Ok(code) => code,
        Err(error) => {
            complain(&error);
            match error.is_usage() {
                true => ExitCode::from(USAGE_EXIT),
                false => ExitCode::FAILURE,
            }
        }
    }
}

fn dispatch(arguments: &[String], variables: &Variables) -> Result<ExitCode, ServerError> {
    let (word, rest) = match arguments.split_first() {
        Some((word, rest)) if !word.starts_with('-') => (word.as_str(), rest),
        _ => ("server", arguments),
    };
    match word {
        "list" => list::run(rest, variables),
        "stop" => stop::run(rest, variables),
        "restart" => restart::run(rest, variables),
        "paths" => show::paths(&jupyter_paths(variables)?, rest),
        "routes" => routes::run(),
        "help" => help::print(),
        "kernel-host" => kernel_host::run(),
        _ => match Application::named(word) {
            // `adrastea server list` as `jupyter server list`.
            Some(Application::Server)
                if rest
                    .first()
                    .is_some_and(|it| ["list", "stop", "restart"].contains(&it.as_str())) =>
            {
                dispatch(rest, variables)
            }
            Some(application) => serve(application, rest, variables),
            // Not a command: a file or directory for the server.
            None => serve(Application::Server, arguments, variables),
        },
    }
}

fn serve(
    application: Application,
    arguments: &[String],
    variables: &Variables,
) -> Result<ExitCode, ServerError> {
    let line = command_line::parse(arguments)?;
    if line.help {
        return help::print();
    }
    if line.version {
        return show::version();
    }
    serve::run(application, line, variables)
}

fn jupyter_paths(variables: &Variables) -> Result<JupyterPaths, ServerError> {
    let environments = environments_at_hand(variables, &managed_environment(variables));
    JupyterPaths::find(variables, &environments)
}

/// Says why nothing runs.
#[expect(
    clippy::print_stderr,
    reason = "the last word of a command goes to the terminal, log level or not"
)]
fn complain(error: &ServerError) {
    eprintln!("adrastea: {}", error.with_causes());
    if error.is_usage() {
        eprintln!("Try `adrastea --help`.");
    }
}

/// Writes to standard output; a reader that has heard enough (`| head`) is no error.
fn print(text: &str) -> Result<ExitCode, ServerError> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(source) => Err(ServerError::Write {
            path: "standard output".into(),
            source,
        }),
    }
}
