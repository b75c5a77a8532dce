//! Jupyter's own table of trusted notebooks, `nbsignatures.db`: what was trusted there is trusted here, and back.

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, params};

use crate::{StoreError, writer::private_file};

/// How many signatures are kept; beyond it the oldest quarter goes, as in nbformat.
pub const SIGNATURES_MAX: u32 = 65_535;
/// How many stay when the oldest go.
const SIGNATURES_KEPT: u32 = SIGNATURES_MAX / 4 * 3;
/// How long to wait for a Python process that is writing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Now, as Python's sqlite3 writes an aware `datetime`.
const NOW: &str = "strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')";

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
    /// Held for one statement, on a blocking task.
    connection: Mutex<Connection>,
}

impl Signatures {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// When it cannot be used. A broken one is left as it is.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        private_file(path)?;
        let open = |source| StoreError::Open {
            path: path.to_owned(),
            source,
        };
        let connection = Connection::open(path).map_err(open)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(open)?;
        connection.execute_batch(TABLE).map_err(open)?;
        Ok(Self {
            connection: Mutex::new(connection),
        })
    }

    /// Signatures that end with the process.
    ///
    /// # Errors
    /// When SQLite has no memory for it.
    pub fn in_memory() -> Result<Self, StoreError> {
        let open = |source| StoreError::Open {
            path: ":memory:".into(),
            source,
        };
        let connection = Connection::open_in_memory().map_err(open)?;
        connection.execute_batch(TABLE).map_err(open)?;
        Ok(Self {
            connection: Mutex::new(connection),
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
            if !see(connection, algorithm, signature)? {
                let insert = format!(
                    "INSERT INTO nbsignatures (algorithm, signature, last_seen) VALUES (?1, ?2, {NOW})"
                );
                connection.execute(&insert, params![algorithm, signature])?;
            }
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

    fn with<T>(
        &self,
        doing: &'static str,
        job: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        job(&connection).map_err(|source| StoreError::Statement { doing, source })
    }
}

fn see(connection: &Connection, algorithm: &str, signature: &str) -> rusqlite::Result<bool> {
    let update = format!("UPDATE nbsignatures SET last_seen = {NOW} WHERE algorithm = ?1 AND signature = ?2");
    Ok(connection.execute(&update, params![algorithm, signature])? > 0)
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
    fn a_file_that_is_no_database_is_refused_and_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("nbsignatures.db");
        std::fs::write(
            &path,
            "this is no database, and long enough to be looked at as one",
        )
        .unwrap();
        assert!(matches!(Signatures::open(&path), Err(StoreError::Open { .. })));
        assert!(
            std::fs::read_to_string(&path)
                .unwrap()
                .starts_with("this is no database")
        );
    }
}
