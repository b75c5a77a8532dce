//! The files a running server keeps in the runtime directory, as the reference writes them: others find it by them.

use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use crate::error::ServerError;

/// A secret file holds no more than this.
const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// What `jpserver-<pid>.json` says. Keys in alphabetical order, as the reference sorts them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerInfo {
    /// The prefix of all URLs.
    pub base_url: String,
    /// The name or address listened on.
    pub hostname: String,
    /// Whether a password may be used.
    pub password: bool,
    /// The process.
    pub pid: u32,
    /// The port, 0 on a Unix socket.
    pub port: u16,
    /// The directory served.
    pub root_dir: String,
    /// Whether it speaks TLS.
    pub secure: bool,
    /// The Unix socket, or nothing.
    pub sock: String,
    /// The token, or nothing.
    pub token: String,
    /// Where a client on this machine connects.
    pub url: String,
    /// The version of the Jupyter Server API that is spoken.
    pub version: String,
}

/// The files of one server, removed when it is dropped.
#[derive(Debug)]
pub(crate) struct RuntimeFiles {
    written: Vec<PathBuf>,
}

impl RuntimeFiles {
    /// Writes `jpserver-<pid>.json` and, with an address to open, the page that leads a browser there without the
    /// token showing up in a list of processes. A failure is logged: the server serves all the same.
    pub(crate) fn write(runtime_dir: &Path, info: &ServerInfo, open_url: Option<&str>) -> Self {
        let mut files = Self { written: Vec::new() };
        if let Some(url) = open_url {
            files.add(open_file(runtime_dir, info.pid), &open_page(url));
        }
        // Last: who sees it takes the server for started.
        let json = serde_json::to_string_pretty(info).unwrap_or_default();
        files.add(info_file(runtime_dir, info.pid), &json);
        files
    }

    fn add(&mut self, path: PathBuf, text: &str) {
        match write_private(&path, text.as_bytes()) {
            Ok(()) => self.written.push(path),
            Err(error) => warn!("could not write {}: {error}", path.display()),
        }
    }
}

impl Drop for RuntimeFiles {
    fn drop(&mut self) {
        for path in &self.written {
            if let Err(error) = std::fs::remove_file(path)
                && error.kind() != io::ErrorKind::NotFound
            {
                warn!("could not remove {}: {error}", path.display());
            }
        }
    }
}

/// The name of the file about the server with this process id.
pub(crate) fn info_file(runtime_dir: &Path, pid: u32) -> PathBuf {
    runtime_dir.join(format!("jpserver-{pid}.json"))
}

/// The page that leads a browser to the server with this process id.
pub(crate) fn open_file(runtime_dir: &Path, pid: u32) -> PathBuf {
    runtime_dir.join(format!("jpserver-{pid}-open.html"))
}

/// The servers that run, by their files; a file whose process is gone is removed, as the reference does.
pub(crate) fn running_servers(runtime_dir: &Path) -> Vec<ServerInfo> {
    let Ok(entries) = runtime_dir.read_dir() else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    let mut servers = Vec::new();
    for path in paths {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if !(name.starts_with("jpserver-") || name.starts_with("nbserver-")) || !name.ends_with(".json") {
            continue;
        }
        let info = std::fs::read(&path)
            .ok()
            .and_then(|text| serde_json::from_slice::<ServerInfo>(&text).ok());
        let Some(info) = info else { continue };
        match is_alive(info.pid) {
            true => servers.push(info),
            // Somebody else may have removed it first.
            false => drop(std::fs::remove_file(&path)),
        }
    }
    servers
}

fn is_alive(pid: u32) -> bool {
    let Ok(pid) = i32::try_from(pid) else { return false };
    match nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), None) {
        Ok(()) => true,
        Err(error) => error == nix::errno::Errno::EPERM,
    }
}

/// The secret that signs login cookies: the file's content, made on the first start.
pub(crate) fn cookie_secret(path: &Path) -> Result<Vec<u8>, ServerError> {
    use std::io::Read;
    let failed = |source| ServerError::Read {
        path: path.to_owned(),
        source,
    };
    match std::fs::File::open(path) {
        Ok(file) => {
            let mut secret = Vec::new();
            file.take(SECRET_BYTES_MAX)
                .read_to_end(&mut secret)
                .map_err(failed)?;
            match secret.is_empty() {
                // An empty key would sign whatever anybody likes.
                true => new_cookie_secret(path),
                false => Ok(secret),
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => new_cookie_secret(path),
        Err(error) => Err(failed(error)),
    }
}

fn new_cookie_secret(path: &Path) -> Result<Vec<u8>, ServerError> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(ServerError::Random)?;
    // The reference writes base64 and a line end; ours is as random and as printable.
    let secret = format!("{}\n", hex::encode(random)).into_bytes();
    info!("writing the secret for login cookies to {}", path.display());
    if let Err(error) = write_private(path, &secret) {
        // As in the reference: logins then last as long as this server.
        warn!(
            "could not write {}: {error}; logins will not outlast this server",
            path.display()
        );
    }
    Ok(secret)
}

/// Writes a file that only its owner can read, replacing it whole.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    // The mode above is only for new files.
    file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    file.write_all(content)
}

/// Makes a directory that only its owner can enter, if it is not there.
pub(crate) fn ensure_private_dir(path: &Path) -> Result<(), ServerError> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path);
    made.map_err(|source| ServerError::Write {
        path: path.to_owned(),
        source,
    })
}

fn open_page(url: &str) -> String {
    let url = url
        .replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n  <meta charset=\"UTF-8\">\n  \
         <meta http-equiv=\"refresh\" content=\"1;url={url}\">\n  <title>Opening Jupyter</title>\n</head>\n<body>\n  \
         <p>This page should lead you to Jupyter. If it does not, <a href=\"{url}\">click here</a>.</p>\n\
         </body>\n</html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(pid: u32) -> ServerInfo {
        ServerInfo {
            base_url: "/".into(),
            hostname: "localhost".into(),
            password: false,
            pid,
            port: 8888,
            root_dir: "/w".into(),
            secure: false,
            sock: String::new(),
            token: "t".into(),
            url: "http://localhost:8888/".into(),
            version: "2.21.1".into(),
        }
    }

    fn mode(path: &Path) -> u32 {
        path.metadata().expect("file").permissions().mode() & 0o777
    }

    #[test]
    fn the_files_are_private_and_go_with_the_server() {
        let root = tempfile::tempdir().expect("directory");
        let files = RuntimeFiles::write(root.path(), &info(7), Some("http://localhost/?token=a&b=\"c"));
        let path = root.path().join("jpserver-7.json");
        assert_eq!(mode(&path), 0o600);
        let open = std::fs::read_to_string(root.path().join("jpserver-7-open.html")).expect("page");
        assert!(open.contains("token=a&amp;b=&quot;c"), "{open}");
        drop(files);
        assert_eq!(root.path().read_dir().expect("directory").count(), 0);
    }

    #[test]
    fn keys_are_written_in_alphabetical_order() {
        let text = serde_json::to_string_pretty(&info(7)).expect("json");
        let keys: Vec<&str> = text
            .lines()
            .filter_map(|line| line.trim().split('"').nth(1))
            .collect();
        let mut sorted = keys.clone();
        sorted.sort_unstable();
        assert_eq!(keys, sorted);
        assert!(text.starts_with("{\n  \"base_url\": \"/\","), "{text}");
    }

    #[test]
    fn a_server_that_is_gone_is_not_listed_and_its_file_removed() {
        let root = tempfile::tempdir().expect("directory");
        let mut child = std::process::Command::new("true").spawn().expect("a process");
        child.wait().expect("it ends");
        let mine = RuntimeFiles::write(root.path(), &info(std::process::id()), None);
        let gone = RuntimeFiles::write(root.path(), &info(child.id()), None);
        assert_eq!(running_servers(root.path()), [info(std::process::id())]);
        assert!(!info_file(root.path(), child.id()).exists());
        drop((mine, gone));
    }

    #[test]
    fn the_cookie_secret_is_made_once_and_private() {
        let root = tempfile::tempdir().expect("directory");
        let path = root.path().join("jupyter_cookie_secret");
        let first = cookie_secret(&path).expect("a secret");
        assert!(first.len() >= 32);
        assert_eq!(mode(&path), 0o600);
        assert_eq!(cookie_secret(&path).expect("the same"), first);
        std::fs::write(&path, "").expect("emptied");
        assert_ne!(cookie_secret(&path).expect("another"), b"");
    }
}
