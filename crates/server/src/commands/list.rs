//! `adrastea list`: the servers that run, ours and the reference's.

use std::fmt::Write;
use std::process::ExitCode;

use crate::error::ServerError;
use crate::runtime_files::running_servers;
use crate::variables::Variables;

pub(super) fn run(arguments: &[String], variables: &Variables) -> Result<ExitCode, ServerError> {
    let paths = super::jupyter_paths(variables)?;
    let servers = running_servers(&paths.runtime_dir);
    let has = |option: &str| arguments.iter().any(|argument| argument == option);
    let mut text = String::new();
    if has("--jsonlist") {
        text = serde_json::to_string_pretty(&servers).unwrap_or_default() + "\n";
    } else if has("--json") {
        for server in &servers {
            text += &(serde_json::to_string(server).unwrap_or_default() + "\n");
        }
    } else {
        text += "Currently running servers:\n";
        for server in &servers {
            let token = if server.token.is_empty() {
                String::new()
            } else {
                format!("?token={}", server.token)
            };
            // Writing to a text cannot fail.
            let _ = writeln!(text, "{}{token} :: {}", server.url, server.root_dir);
        }
    }
    super::print(&text)
}
