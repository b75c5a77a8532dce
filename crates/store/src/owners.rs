//! Rows that say who made what, and whom they share it with. The words are the caller's.

use rusqlite::{Connection, OptionalExtension, params};

use crate::{Store, StoreError};

/// One thing that belongs to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerRow {
    /// What kind of thing.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub owner: String,
    /// Whom it is shared with, in alphabetical order.
    pub shares: Vec<String>,
}

impl Store {
    /// Records an owner unless there is one; answers who has it now.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn claim(&self, kind: &str, name: &str, owner: &str) -> Result<String, StoreError> {
        let (kind, name, owner) = (kind.to_owned(), name.to_owned(), owner.to_owned());
        self.run("record an owner", move |connection| {
            connection.execute(
                "INSERT INTO owners (kind, name, owner) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                params![kind, name, owner],
            )?;
            let present = connection
                .query_row(
                    "SELECT owner FROM owners WHERE kind = ?1 AND name = ?2",
                    params![kind, name],
                    |row| row.get(0),
                )
                .optional()?;
            Ok(present.unwrap_or(owner))
        })
        .await
    }

    /// Forgets an owner and the shares.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn release(&self, kind: &str, name: &str) -> Result<(), StoreError> {
        let (kind, name) = (kind.to_owned(), name.to_owned());
        self.run("forget an owner", move |connection| {
            connection
                .execute(
                    "DELETE FROM owners WHERE kind = ?1 AND name = ?2",
                    params![kind, name],
                )
                .map(drop)
        })
        .await
    }

    /// Forgets all owners of things of one kind: they ended with the server that had them.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn release_all(&self, kind: &str) -> Result<(), StoreError> {
        let kind = kind.to_owned();
        self.run("forget the owners of a kind", move |connection| {
            connection
                .execute("DELETE FROM owners WHERE kind = ?1", params![kind])
                .map(drop)
        })
        .await
    }

    /// Replaces the users something is shared with. Without an owner there is nothing to share.
    ///
    /// # Errors
    /// When the file cannot be written; nothing is changed then.
    pub async fn share(&self, kind: &str, name: &str, usernames: Vec<String>) -> Result<(), StoreError> {
        let (kind, name) = (kind.to_owned(), name.to_owned());
        self.run("record shares", move |connection| {
            let transaction = connection.transaction()?;
            transaction.execute(
                "DELETE FROM shares WHERE kind = ?1 AND name = ?2",
                params![kind, name],
            )?;
            for username in usernames {
                transaction.execute(
                    "INSERT INTO shares (kind, name, username) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                    params![kind, name, username],
                )?;
            }
            transaction.commit()
        })
        .await
    }

    /// All that belongs to somebody.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn owners(&self) -> Result<Vec<OwnerRow>, StoreError> {
        self.run("read the owners", |connection| read_owners(connection))
            .await
    }
}

fn read_owners(connection: &Connection) -> rusqlite::Result<Vec<OwnerRow>> {
    let mut owners = connection.prepare("SELECT kind, name, owner FROM owners ORDER BY kind, name")?;
    let mut shares =
        connection.prepare("SELECT username FROM shares WHERE kind = ?1 AND name = ?2 ORDER BY username")?;
    let rows = owners.query_map([], |row| {
        Ok(OwnerRow {
            kind: row.get(0)?,
            name: row.get(1)?,
            owner: row.get(2)?,
            shares: Vec::new(),
        })
    })?;
    rows.map(|row| {
        let row = row?;
        let names = shares.query_map(params![row.kind, row.name], |share| share.get(0))?;
        let shares = names.collect::<rusqlite::Result<_>>()?;
        Ok(OwnerRow { shares, ..row })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_to_claim_is_the_owner_until_it_is_released() {
        let store = Store::in_memory().unwrap();
        assert_eq!(store.claim("kernels", "a", "ada").await.unwrap(), "ada");
        assert_eq!(store.claim("kernels", "a", "bob").await.unwrap(), "ada");
        store.release("kernels", "a").await.unwrap();
        assert_eq!(store.claim("kernels", "a", "bob").await.unwrap(), "bob");
    }

    #[tokio::test]
    async fn shares_go_with_the_owner() {
        let store = Store::in_memory().unwrap();
        store.claim("kernels", "a", "ada").await.unwrap();
        store
            .share("kernels", "a", vec!["cy".to_owned(), "bob".to_owned()])
            .await
            .unwrap();
        let row = |shares: &[&str]| OwnerRow {
            kind: "kernels".to_owned(),
            name: "a".to_owned(),
            owner: "ada".to_owned(),
            shares: shares.iter().map(ToString::to_string).collect(),
        };
        assert_eq!(store.owners().await.unwrap(), [row(&["bob", "cy"])]);
        store.release_all("kernels").await.unwrap();
        store.claim("kernels", "a", "ada").await.unwrap();
        assert_eq!(store.owners().await.unwrap(), [row(&[])]);
    }

    #[tokio::test]
    async fn nothing_can_be_shared_that_belongs_to_nobody() {
        let store = Store::in_memory().unwrap();
        assert!(store.share("kernels", "a", vec!["bob".to_owned()]).await.is_err());
        assert_eq!(store.owners().await.unwrap(), []);
    }
}
