//! What the log says of a refusal.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use authorization::{Ownership, policies};
use http::StatusCode;
use tracing::instrument::WithSubscriber;

use crate::service::{WITH_TOKEN, config, get, logged_in, post, serve};

/// Keeps what is written.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0
            .lock()
            .expect("no panic while writing")
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_denial_is_logged_once_with_identity_action_resource_and_rule() {
    let kept = Kept::default();
    let writer = kept.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let server = serve(policies::read_only(), Ownership::in_memory(), config());
    let cookie = logged_in(&server).await;
    let answers = async {
        let username = get(&server, "/api/me", &[&cookie]).await.body;
        let refused = post(&server, "/api/kernels", &[WITH_TOKEN, &cookie]).await;
        (username, refused)
    };
    let (username, refused) = answers.with_subscriber(subscriber).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);

    let log = String::from_utf8(kept.0.lock().expect("no panic while writing").clone()).expect("UTF-8");
    let denials: Vec<_> = log.lines().filter(|line| line.contains("may not")).collect();
    let [denial] = denials[..] else {
        panic!("not one line but {}: {log}", denials.len())
    };
    for part in [
        &format!("identity={username}"),
        "action=write",
        "resource.kind=kernels",
        "rule=read-only",
        &format!("{username} may not write kernels"),
    ] {
        assert!(denial.contains(part), "no `{part}` in: {denial}");
    }
    assert!(!log.contains("the-token"), "the token is in the log: {log}");
}
