//! Rows that say what runs: the kernels that have a host of their own, and the sessions that use them. They outlive the
//! server, so that the next one finds them. What is in them is the caller's to understand.

use rusqlite::{Connection, Row, params};

use crate::{Store, StoreError};

/// A kernel, and where its host is reached.
#[derive(Clone, PartialEq, Eq)]
pub struct HostRow {
    /// The kernel's id.
    pub kernel_id: String,
    /// The name of its kernelspec.
    pub name: String,
    /// The directory it was started in, as the system has it.
    pub directory: Vec<u8>,
    /// The host's socket, as the system has it.
    pub socket: Vec<u8>,
    /// What proves to the host who we are. The file is its owner's alone.
    pub secret: String,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// Its id.
    pub id: String,
    /// The document's path.
    pub path: String,
    /// The document's name.
    pub name: Option<String>,
    /// `notebook`, `console` or `file`.
    pub kind: String,
    /// The id of its kernel.
    pub kernel_id: String,
}

impl std::fmt::Debug for HostRow {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the secret.
        formatter
            .debug_struct("HostRow")
            .field("kernel_id", &self.kernel_id)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Records a host, in place of another of the same kernel.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn put_host(&self, row: HostRow) -> Result<(), StoreError> {
        self.run("record the host of a kernel", move |connection| {
            connection
                .execute(
                    "INSERT INTO hosts (kernel_id, name, directory, socket, secret) VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT (kernel_id) DO UPDATE SET
                        name = excluded.name, directory = excluded.directory,
                        socket = excluded.socket, secret = excluded.secret",
                    params![row.kernel_id, row.name, row.directory, row.socket, row.secret],
                )
                .map(drop)
        })
        .await
    }

    /// Forgets the host with this socket; another one of the same kernel stays.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn remove_host(&self, socket: Vec<u8>) -> Result<(), StoreError> {
        self.run("forget the host of a kernel", move |connection| {
            connection
                .execute("DELETE FROM hosts WHERE socket = ?1", params![socket])
                .map(drop)
        })
        .await
    }

    /// All hosts, in the order their kernels were started.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn hosts(&self) -> Result<Vec<HostRow>, StoreError> {
        self.run("read the hosts of kernels", |connection| {
            let columns = "SELECT kernel_id, name, directory, socket, secret FROM hosts ORDER BY number";
            read_all(connection, columns, |row| {
                Ok(HostRow {
                    kernel_id: row.get(0)?,
                    name: row.get(1)?,
                    directory: row.get(2)?,
                    socket: row.get(3)?,
                    secret: row.get(4)?,
                })
            })
        })
        .await
    }

    /// Records a session, or what has changed about it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn put_session(&self, row: SessionRow) -> Result<(), StoreError> {
        self.run("record a session", move |connection| {
            connection
                .execute(
                    "INSERT INTO sessions (id, path, name, kind, kernel_id) VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT (id) DO UPDATE SET
                        path = excluded.path, name = excluded.name,
                        kind = excluded.kind, kernel_id = excluded.kernel_id",
                    params![row.id, row.path, row.name, row.kind, row.kernel_id],
                )
                .map(drop)
        })
        .await
    }

    /// Forgets a session.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn remove_session(&self, id: &str) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.run("forget a session", move |connection| {
            connection
                .execute("DELETE FROM sessions WHERE id = ?1", params![id])
                .map(drop)
        })
        .await
    }

    /// All sessions, in the order they were made.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn sessions(&self) -> Result<Vec<SessionRow>, StoreError> {
        self.run("read the sessions", |connection| {
            let columns = "SELECT id, path, name, kind, kernel_id FROM sessions ORDER BY number";
            read_all(connection, columns, |row| {
                Ok(SessionRow {
                    id: row.get(0)?,
                    path: row.get(1)?,
                    name: row.get(2)?,
                    kind: row.get(3)?,
                    kernel_id: row.get(4)?,
                })
            })
        })
        .await
    }
}

fn read_all<T>(
    connection: &Connection,
    statement: &str,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    let mut statement = connection.prepare(statement)?;
    let rows = statement.query_map([], read)?;
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(kernel_id: &str, socket: &str) -> HostRow {
        HostRow {
            kernel_id: kernel_id.to_owned(),
            name: "python3".to_owned(),
            directory: b"/srv/\xff".to_vec(),
            socket: socket.as_bytes().to_vec(),
            secret: "s3cret".to_owned(),
        }
    }

    #[tokio::test]
    async fn a_kernels_next_host_takes_the_place_of_the_one_before() {
        let store = Store::in_memory().unwrap();
        for row in [host("a", "1"), host("b", "2"), host("a", "3")] {
            store.put_host(row).await.unwrap();
        }
        // The one before is forgotten late.
        store.remove_host(b"1".to_vec()).await.unwrap();
        assert_eq!(store.hosts().await.unwrap(), [host("a", "3"), host("b", "2")]);
        store.remove_host(b"3".to_vec()).await.unwrap();
        assert_eq!(store.hosts().await.unwrap(), [host("b", "2")]);
        assert!(!format!("{:?}", host("a", "1")).contains("s3cret"));
    }

    #[tokio::test]
    async fn sessions_keep_their_order_when_they_change() {
        let store = Store::in_memory().unwrap();
        let session = |id: &str, path: &str| SessionRow {
            id: id.to_owned(),
            path: path.to_owned(),
            name: None,
            kind: "notebook".to_owned(),
            kernel_id: "k".to_owned(),
        };
        for row in [session("a", "1"), session("b", "2"), session("a", "3")] {
            store.put_session(row).await.unwrap();
        }
        assert_eq!(
            store.sessions().await.unwrap(),
            [session("a", "3"), session("b", "2")]
        );
        store.remove_session("a").await.unwrap();
        assert_eq!(store.sessions().await.unwrap(), [session("b", "2")]);
    }
}
