//! Programs of the user that run before and after a save: for the reference's `pre_save_hook` and `post_save_hook`.
//!
//! Each gets what is saved as JSON on its standard input and the name of the file as its last argument. It has a
//! bounded time, and only the save that it belongs to waits for it.

use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::runtime::Handle;

use super::Shared;
use crate::error::ContentsError;
use crate::path::ContentsPath;
use crate::save_model::SaveModel;

/// Bytes of what a command says on standard error that are shown.
const SAID_BYTES_MAX: u64 = 2000;

/// Programs with their arguments; nothing runs for an empty one.
#[derive(Clone, Debug)]
pub struct SaveCommands {
    /// May refuse the save, or change what is saved.
    pub before: Vec<String>,
    /// Is told of the save.
    pub after: Vec<String>,
    /// How long each may run.
    pub timeout: Duration,
}

impl Default for SaveCommands {
    fn default() -> Self {
        Self {
            before: Vec::new(),
            after: Vec::new(),
            timeout: Duration::from_secs(30),
        }
    }
}

impl SaveCommands {
    /// Whether anything runs at all.
    pub(super) fn is_empty(&self) -> bool {
        self.before.is_empty() && self.after.is_empty()
    }
}

/// What a command reads.
#[derive(Serialize)]
struct Told<'a> {
    name: &'a str,
    path: &'a str,
    #[serde(rename = "type")]
    entry_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chunk: Option<i64>,
}

/// How a command ended.
enum Ended {
    /// With 0, and this on its standard output.
    Well(Vec<u8>),
    /// With another status, and this on its standard error.
    Badly(String),
}

/// A command that did not come to an end of its own.
#[derive(Debug, thiserror::Error)]
enum CommandError {
    #[error("failed to run `{program}`")]
    Run {
        program: String,
        #[source]
        source: std::io::Error,
    },
    #[error("`{program}` did not end within {} s", timeout.as_secs_f64())]
    TooSlow { program: String, timeout: Duration },
    #[error("`{program}` was ended by a signal")]
    Signal { program: String },
    #[error("`{program}` wrote more than {bytes_max} bytes")]
    TooMuch { program: String, bytes_max: u64 },
}

impl Shared {
    /// Runs the command before a save. As in the reference, one that fails without refusing does not keep anybody from
    /// saving: work would be lost.
    pub(super) fn before_save(
        &self,
        path: &ContentsPath,
        model: &mut SaveModel,
    ) -> Result<(), ContentsError> {
        let commands = &self.config.save_commands;
        if commands.before.is_empty() {
            return Ok(());
        }
        match self.run(&commands.before, path, model) {
            Ok(Ended::Well(answer)) => {
                if let Err(error) = take_changes(model, answer) {
                    tracing::error!(%path, %error, "what the pre-save command wrote is not understood; saving what was sent");
                }
                Ok(())
            }
            Ok(Ended::Badly(why)) => Err(ContentsError::Refused {
                path: path.clone(),
                why,
            }),
            Err(error) => {
                tracing::error!(%path, error = &error as &dyn std::error::Error, "the pre-save command failed; saving all the same");
                Ok(())
            }
        }
    }

    /// Runs the command after a save. The file is saved whatever it does; that it failed is told, as in the reference.
    pub(super) fn after_save(
        &self,
        path: &ContentsPath,
        entry_type: Option<&str>,
    ) -> Result<(), ContentsError> {
        let commands = &self.config.save_commands;
        if commands.after.is_empty() {
            return Ok(());
        }
        let model = SaveModel {
            entry_type: Some(entry_type.map(str::to_owned)),
            ..SaveModel::default()
        };
        let why = match self.run(&commands.after, path, &model) {
            Ok(Ended::Well(_)) => return Ok(()),
            Ok(Ended::Badly(said)) => said,
            Err(error) => error.to_string(),
        };
        Err(ContentsError::AfterSave(why))
    }

    fn run(&self, command: &[String], path: &ContentsPath, model: &SaveModel) -> Result<Ended, CommandError> {
        let program = command.first().cloned().unwrap_or_default();
        let failed = |source| CommandError::Run {
            program: program.clone(),
            source,
        };
        let content = model
            .content
            .as_ref()
            .map(|content| serde_json::from_str(content.get()));
        let told = Told {
            name: path.name(),
            path: path.as_str(),
            entry_type: model.entry_type.as_ref().and_then(Option::as_deref),
            format: model.format.as_deref(),
            content: content.transpose().map_err(|source| failed(source.into()))?,
            chunk: model.chunk,
        };
        let told = serde_json::to_vec(&told).map_err(|source| failed(source.into()))?;
        let mut prepared = Command::new(&program);
        prepared
            .args(command.iter().skip(1))
            .arg(self.storage.os_path(path))
            .current_dir(self.storage.root_dir())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // With whatever it starts, so that all of it can be ended.
            .process_group(0);
        let bytes_max = self.config.content_bytes_max;
        let timeout = self.config.save_commands.timeout;
        // On a thread for blocking work, where waiting keeps nobody else waiting.
        Handle::current().block_on(async {
            let mut child = prepared.spawn().map_err(failed)?;
            let group = child.id();
            let ended = tokio::time::timeout(timeout, converse(&mut child, &told, bytes_max)).await;
            end_group(group);
            let (status, answer, said) = match ended {
                Ok(ended) => ended.map_err(failed)?,
                Err(_) => {
                    child.wait().await.map_err(failed)?;
                    return Err(CommandError::TooSlow {
                        program: program.clone(),
                        timeout,
                    });
                }
            };
            if answer.len() as u64 > bytes_max {
                return Err(CommandError::TooMuch {
                    program: program.clone(),
                    bytes_max,
                });
            }
            match status.code() {
                Some(0) => Ok(Ended::Well(answer)),
                Some(_) => Ok(Ended::Badly(String::from_utf8_lossy(&said).trim().to_owned())),
                None => Err(CommandError::Signal {
                    program: program.clone(),
                }),
            }
        })
    }
}

/// Writes what it is told, and reads what it says until it ends.
async fn converse(
    child: &mut Child,
    told: &[u8],
    bytes_max: u64,
) -> std::io::Result<(std::process::ExitStatus, Vec<u8>, Vec<u8>)> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let tell = async {
        if let Some(mut stdin) = stdin {
            // It need not read it.
            let _ = stdin.write_all(told).await;
        }
    };
    let listen = async {
        let mut answer = Vec::new();
        if let Some(stdout) = stdout {
            let mut limited = stdout.take(bytes_max.saturating_add(1));
            limited.read_to_end(&mut answer).await?;
        }
        Ok::<_, std::io::Error>(answer)
    };
    let hear = async {
        let mut said = Vec::new();
        if let Some(mut stderr) = stderr {
            (&mut stderr).take(SAID_BYTES_MAX).read_to_end(&mut said).await?;
            // What is not shown is read all the same, so that it can go on.
            tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await?;
        }
        Ok::<_, std::io::Error>(said)
    };
    let ((), answer, said) = tokio::join!(tell, listen, hear);
    Ok((child.wait().await?, answer?, said?))
}

/// Ends what a command has started and left running, and itself if it still runs.
fn end_group(group: Option<u32>) {
    let group = group
        .and_then(|group| i32::try_from(group).ok())
        .and_then(rustix::process::Pid::from_raw);
    if let Some(group) = group {
        // Most often nothing is left of it.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}

/// An empty answer changes nothing.
fn take_changes(model: &mut SaveModel, answer: Vec<u8>) -> Result<(), serde_json::Error> {
    if answer.trim_ascii().is_empty() {
        return Ok(());
    }
    let changed = SaveModel::from_json(&Bytes::from(answer))?.unwrap_or_default();
    if changed.content.is_some() {
        model.content = changed.content;
        model.format = changed.format.or_else(|| model.format.take());
    }
    Ok(())
}
