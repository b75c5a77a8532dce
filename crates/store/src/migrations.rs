//! The tables of our own file, as steps that each run once. SQLite's `user_version` counts them.

use rusqlite::Connection;

use crate::StoreError;

/// Each step takes the file from the version that is its index to the next. Steps are never changed, only added.
const STEPS: [&str; 2] = [
    "CREATE TABLE owners (
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        owner TEXT NOT NULL,
        PRIMARY KEY (kind, name)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE shares (
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        username TEXT NOT NULL,
        PRIMARY KEY (kind, name, username),
        FOREIGN KEY (kind, name) REFERENCES owners (kind, name) ON DELETE CASCADE
    ) STRICT, WITHOUT ROWID;",
    "CREATE TABLE hosts (
        number INTEGER PRIMARY KEY,
        kernel_id TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        directory BLOB NOT NULL,
        socket BLOB NOT NULL,
        secret TEXT NOT NULL
    ) STRICT;
    CREATE TABLE sessions (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        path TEXT NOT NULL,
        name TEXT,
        kind TEXT NOT NULL,
        kernel_id TEXT NOT NULL
    ) STRICT;",
];

/// Brings the tables to the newest version, each step in a transaction of its own.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let found: u32 = connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(|source| StoreError::Statement {
            doing: "read the version of the tables",
            source,
        })?;
    let known = u32::try_from(STEPS.len()).unwrap_or(u32::MAX);
    if found > known {
        return Err(StoreError::TooNew { found, known });
    }
    for (version, step) in (1..).zip(STEPS).skip_while(|(version, _)| *version <= found) {
        apply(connection, version, step).map_err(|source| StoreError::Migrate { version, source })?;
    }
    Ok(())
}

fn apply(connection: &mut Connection, version: u32, step: &str) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(step)?;
    transaction.pragma_update(None, "user_version", version)?;
    transaction.commit()
}
