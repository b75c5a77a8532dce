//! Jupyter's own table of trusted notebooks, `nbsignatures.db`: what was trusted there is trusted here, and back.

use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OptionalExtension, params};

use crate::{StoreError, writer::private_file};

/// How many signatures are kept; beyond it the oldest quarter goes, as in nbformat.
pub const SIGNATURES_MAX: u32 = 65_535;
/// How many stay when the oldest go.
const SIGNATURES_KEPT: u32 = SIGNATURES_MAX * 3 / 4;
/// How long to wait for a Python process that is writing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Now, as Python's sqlite3 writes an aware `datetime`.
const NOW: &str = "strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')";
/// When a signature was seen matters only for which ones go: reading a notebook writes it at most this often.
const SEEN_AGAIN_AFTER: &str = "strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now', '-1 hour')";

/// The table as nbformat makes it.
const TABLE: &str = "
    CREATE TABLE IF NOT EXISTS nbsignatures (
        id integer PRIMARY KEY AUTOINCREMENT,
        algorithm text,
        signature text,
        path text,
        last_seen timestamp
    );
    CREATE INDEX IF NOT EXISTS algosig ON nbsignatures(algorithm, signature);";

/// The signatures of trusted notebooks. Its functions block: call them on a blocking task.
pub struct Signatures {
    /// The file; without one they end with the process.
    path: Option<PathBuf>,
    /// Held for one statement, on a blocking task.
    open: Mutex<Open>,
}

struct Open {
    connection: Connection,
    /// Which file it is: `jupyter trust --reset` removes it.
    identity: Option<Identity>,
}

/// Device and inode.
type Identity = (u64, u64);

impl Signatures {
    /// Opens the file, or makes it. One that is no database is moved aside to `<name>.bak`, as Jupyter does.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self {
            path: Some(path.to_owned()),
            open: Mutex::new(open_or_replace(path)?),
        })
    }

    /// Signatures that end with the process.
    ///
    /// # Errors
    /// When SQLite has no memory for it.
    pub fn in_memory() -> Result<Self, StoreError> {
        let failed = |source| StoreError::Open {
            path: ":memory:".into(),
            source,
        };
        let connection = Connection::open_in_memory().map_err(failed)?;
        connection.execute_batch(TABLE).map_err(failed)?;
        Ok(Self {
            path: None,
            open: Mutex::new(Open {
                connection,
                identity: None,
            }),
        })
    }

    /// Whether this signature is known; notes that it was seen.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn contains(&self, algorithm: &str, signature: &str) -> Result<bool, StoreError> {
        self.with("look up a signature", |connection| {
            see(connection, algorithm, signature)
        })
    }

    /// Remembers a signature, and forgets the oldest when there are too many.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn remember(&self, algorithm: &str, signature: &str) -> Result<(), StoreError> {
        self.with("remember a signature", |connection| {
            if see(connection, algorithm, signature)? {
                return Ok(());
            }
            let insert =
                format!("INSERT INTO nbsignatures (algorithm, signature, last_seen) VALUES (?1, ?2, {NOW})");
            connection.execute(&insert, params![algorithm, signature])?;
            let count: u32 =
                connection.query_row("SELECT count(*) FROM nbsignatures", [], |row| row.get(0))?;
            if count > SIGNATURES_MAX {
                connection.execute(
                    "DELETE FROM nbsignatures WHERE id IN
                        (SELECT id FROM nbsignatures ORDER BY last_seen DESC LIMIT -1 OFFSET ?1)",
                    params![SIGNATURES_KEPT],
                )?;
            }
            Ok(())
        })
    }

    /// Does something with the table; once more with a new one if the file is gone or turns out to be broken.
    fn with<T>(
        &self,
        doing: &'static str,
        job: impl Fn(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(path) = &self.path
            && open.identity != identity(path)
        {
            *open = open_or_replace(path)?;
        }
        match (job(&open.connection), &self.path) {
            (Err(error), Some(path)) if is_broken(&error) => {
                *open = open_or_replace(path)?;
                job(&open.connection)
            }
            (result, _) => result,
        }
        .map_err(|source| StoreError::Statement { doing, source })
    }
}

fn open_or_replace(path: &Path) -> Result<Open, StoreError> {
    match open(path) {
        Err(StoreError::Open { source, .. }) if is_broken(&source) => {
            let mut aside = path.as_os_str().to_owned();
            aside.push(".bak");
            std::fs::rename(path, &aside).map_err(|source| StoreError::Prepare {
                path: path.to_owned(),
                source,
            })?;
            tracing::warn!(
                "the signatures database `{}` cannot be read and is now `{}`; notebooks trusted before have to be trusted again",
                path.display(),
                aside.display()
            );
            open(path)
        }
        result => result,
    }
}

fn open(path: &Path) -> Result<Open, StoreError> {
    private_file(path)?;
    let failed = |source| StoreError::Open {
        path: path.to_owned(),
        source,
    };
    let connection = Connection::open(path).map_err(failed)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    connection.execute_batch(TABLE).map_err(failed)?;
    Ok(Open {
        connection,
        identity: identity(path),
    })
}

fn identity(path: &Path) -> Option<Identity> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// Whether the file is no database. One that is only locked, or can't be written, stays.
fn is_broken(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt)
    )
}

/// Whether it is there. When it was seen is written now and then, if it can be.
fn see(connection: &Connection, algorithm: &str, signature: &str) -> rusqlite::Result<bool> {
    let query = format!(
        "SELECT last_seen IS NULL OR last_seen < {SEEN_AGAIN_AFTER} FROM nbsignatures WHERE algorithm = ?1 AND signature = ?2"
    );
    let is_old = connection.query_row(&query, params![algorithm, signature], |row| row.get::<_, bool>(0));
    let Some(is_old) = is_old.optional()? else {
        return Ok(false);
    };
    if is_old {
        let update =
            format!("UPDATE nbsignatures SET last_seen = {NOW} WHERE algorithm = ?1 AND signature = ?2");
        if let Err(error) = connection.execute(&update, params![algorithm, signature]) {
            tracing::debug!(%error, "when a signature was last seen could not be written");
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_known_once_it_was_remembered_and_the_file_keeps_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("share/nbsignatures.db");
        let signatures = Signatures::open(&path).unwrap();
        assert!(!signatures.contains("sha256", "abc").unwrap());
        signatures.remember("sha256", "abc").unwrap();
        signatures.remember("sha256", "abc").unwrap();
        drop(signatures);
        let again = Signatures::open(&path).unwrap();
        assert!(again.contains("sha256", "abc").unwrap());
        assert!(!again.contains("sha512", "abc").unwrap());
    }

    #[test]
    fn a_file_that_is_no_database_is_moved_aside() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("nbsignatures.db");
        let broken = "this is no database, and long enough to be looked at as one".repeat(40);
        std::fs::write(&path, &broken).unwrap();
        let signatures = Signatures::open(&path).unwrap();
        signatures.remember("sha256", "abc").unwrap();
        assert!(signatures.contains("sha256", "abc").unwrap());
        let aside = directory.path().join("nbsignatures.db.bak");
        assert_eq!(std::fs::read_to_string(aside).unwrap(), broken);
    }

    #[test]
    fn a_file_that_is_removed_or_breaks_meanwhile_is_made_anew() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("nbsignatures.db");
        let signatures = Signatures::open(&path).unwrap();
        signatures.remember("sha256", "abc").unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(!signatures.contains("sha256", "abc").unwrap(), "all is forgotten");
        signatures.remember("sha256", "def").unwrap();
        assert!(
            Signatures::open(&path)
                .unwrap()
                .contains("sha256", "def")
                .unwrap()
        );
        std::fs::write(&path, "broken ".repeat(2000)).unwrap();
        assert!(!signatures.contains("sha256", "def").unwrap());
        signatures.remember("sha256", "def").unwrap();
        assert!(signatures.contains("sha256", "def").unwrap());
    }

    #[test]
    fn one_that_another_process_writes_to_is_waited_for_and_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("nbsignatures.db");
        let signatures = Signatures::open(&path).unwrap();
        signatures.remember("sha256", "abc").unwrap();
        let other = Connection::open(&path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        assert!(signatures.contains("sha256", "abc").unwrap());
        let waiting = std::thread::spawn(move || signatures.remember("sha256", "def"));
        other.execute_batch("COMMIT").unwrap();
        waiting.join().unwrap().unwrap();
        assert!(!directory.path().join("nbsignatures.db.bak").exists());
    }

    #[test]
    fn the_oldest_quarter_goes_when_there_are_too_many() {
        let signatures = Signatures::in_memory().unwrap();
        signatures
            .with("fill", |connection| {
                connection.execute(
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
                    INSERT INTO nbsignatures (algorithm, signature, last_seen)
                    SELECT 'sha256', 's' || i, strftime('%Y-%m-%d %H:%M:%f000+00:00', 1e9 + i, 'unixepoch') FROM n",
                    params![SIGNATURES_MAX],
                )
            })
            .unwrap();
        signatures.remember("sha256", "new").unwrap();
        let left = signatures.with("count", |connection| {
            connection.query_row("SELECT count(*) FROM nbsignatures", [], |row| {
                row.get::<_, u32>(0)
            })
        });
        assert_eq!(left.unwrap(), 49_151, "as nbformat keeps");
        assert!(signatures.contains("sha256", "new").unwrap());
        assert!(!signatures.contains("sha256", "s1").unwrap());
        assert!(signatures.contains("sha256", "s65535").unwrap());
    }
}
