//! What a policy's answers become.

use std::{sync::Arc, time::Duration};

use authorization::{
    Action, Authorizer, Decision, Guard, GuardedRouter, Ownership, Reason, ResourceKind, ResourceRef,
    policies,
};
use futures::future::BoxFuture;
use http::StatusCode;
use identity::Identity;
use tokio::sync::watch;

use crate::service::{Kernels, WITH_TOKEN, config, get, post, serve};

type Decide = fn(&Identity, Action, &ResourceRef) -> Decision;

/// A policy that is a function, and can say that it changed.
struct Deciding {
    decide: Decide,
    changes: watch::Sender<()>,
}

fn deciding(decide: Decide) -> Arc<Deciding> {
    Arc::new(Deciding {
        decide,
        changes: watch::channel(()).0,
    })
}

impl Authorizer for Deciding {
    fn decide<'a>(
        &'a self,
        identity: &'a Identity,
        action: Action,
        resource: &'a ResourceRef,
    ) -> BoxFuture<'a, Decision> {
        Box::pin(async move { (self.decide)(identity, action, resource) })
    }

    fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }
}

fn ruled(decide: Decide) -> authorization::GuardedService {
    serve(deciding(decide), Ownership::in_memory(), config())
}

#[tokio::test]
async fn what_is_forbidden_is_403_with_a_sentence() {
    let server = serve(policies::read_only(), Ownership::in_memory(), config());
    let answer = post(&server, "/api/kernels", &[WITH_TOKEN]).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(
        answer.body,
        r#"{"message":"User is not authorized to write on resource: kernels.","reason":null}"#
    );
    let socket = get(&server, "/api/kernels/7/channels", &[WITH_TOKEN]).await;
    assert_eq!(socket.status, StatusCode::FORBIDDEN);
    let own_words = ruled(|_, _, _| Decision::Forbid(Reason::new("x").saying("Not on Sundays.")));
    let page = get(&own_words, "/files/x", &[WITH_TOKEN]).await;
    assert_eq!(
        (page.status, page.body.as_str()),
        (StatusCode::FORBIDDEN, "<h1>403</h1>Not on Sundays.")
    );
}

#[tokio::test]
async fn what_is_hidden_looks_exactly_like_what_is_missing() {
    let hiding = ruled(|_, _, _| Decision::hidden_by("x"));
    let showing = ruled(|_, _, _| Decision::Allow);
    let hidden = get(&hiding, "/api/kernels/8", &[WITH_TOKEN]).await;
    let missing = get(&showing, "/api/kernels/8", &[WITH_TOKEN]).await;
    assert_eq!((hidden.status, &hidden.body), (missing.status, &missing.body));
    assert_eq!(
        hidden.headers.get("content-type"),
        missing.headers.get("content-type")
    );
    assert_eq!(
        get(&showing, "/api/kernels/7", &[WITH_TOKEN]).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_policy_is_told_the_path_and_the_directories_above_it() {
    let server = ruled(|_, action, resource| {
        let parents: Vec<&str> = resource.parents.iter().map(|parent| &**parent).collect();
        let right = action == Action::Read
            && resource.kind == ResourceKind::Contents
            && &*resource.name == "a/b/c.txt"
            && parents == ["", "a", "a/b"];
        if right {
            Decision::Allow
        } else {
            Decision::forbidden_by("x")
        }
    });
    assert_eq!(
        get(&server, "/tree/a/b/c.txt", &[WITH_TOKEN]).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_policy_that_panics_forbids() {
    let server = ruled(|_, _, _| panic!("a policy with a fault (this is part of a test)"));
    assert_eq!(
        get(&server, "/api/kernels/7", &[WITH_TOKEN]).await.status,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_never_answers_forbids() {
    struct Silent;
    impl Authorizer for Silent {
        fn decide<'a>(&'a self, _: &'a Identity, _: Action, _: &'a ResourceRef) -> BoxFuture<'a, Decision> {
            Box::pin(std::future::pending())
        }
        fn changes(&self) -> watch::Receiver<()> {
            watch::channel(()).1
        }
    }
    let server = serve(Arc::new(Silent), Ownership::in_memory(), config());
    assert_eq!(
        get(&server, "/api/kernels/7", &[WITH_TOKEN]).await.status,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn whoever_creates_owns_and_a_policy_can_go_by_it() {
    let own_kernels: Decide = |identity, _, resource| match (&resource.owner, resource.is_whole()) {
        (_, true) => Decision::Allow,
        (Some(owner), false) if *owner == identity.username => Decision::Allow,
        (Some(_) | None, false) => Decision::hidden_by("own-kernels"),
    };
    let server = ruled(own_kernels);
    let created = post(&server, "/api/kernels", &[WITH_TOKEN]).await;
    assert_eq!(created.body, "created");
    let owner = format!("cookie: {}", created.cookies()[0]);
    assert_eq!(get(&server, "/api/kernels/7", &[&owner]).await.body, "kernel 7");
    assert_eq!(
        get(&server, "/api/kernels/7", &[WITH_TOKEN]).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_long_connection_learns_that_its_permission_was_withdrawn() {
    use std::sync::atomic::{AtomicBool, Ordering};
    static ALLOWED: AtomicBool = AtomicBool::new(true);

    let policy = deciding(|_, _, _| {
        if ALLOWED.load(Ordering::SeqCst) {
            Decision::Allow
        } else {
            Decision::forbidden_by("withdrawn")
        }
    });
    let (proofs, mut proof) = tokio::sync::mpsc::channel(1);
    let watching = move |auth: authorization::Authorized<authorization::Read, Kernels>| {
        let proofs = proofs.clone();
        async move { proofs.send(auth).await.expect("the test waits") }
    };
    let guard = Guard::new(policy.clone(), Ownership::in_memory());
    let site = authorization::Site {
        pages: Arc::new(NoPages),
        activity: authorization::Activity::since(std::time::SystemTime::UNIX_EPOCH),
    };
    let provider = identity::IdentityProvider::new(config()).unwrap();
    let server = GuardedRouter::new(guard)
        .get("/k/{kernel_id}", watching)
        .into_service((), provider, site);
    get(&server, "/k/7", &[WITH_TOKEN]).await;
    let auth = proof.recv().await.expect("the proof");

    let mut revoked = Box::pin(auth.revoked());
    policy.changes.send_replace(());
    // Asked again, and still allowed.
    assert!(futures::poll!(revoked.as_mut()).is_pending());
    ALLOWED.store(false, Ordering::SeqCst);
    policy.changes.send_replace(());
    tokio::time::timeout(Duration::from_secs(10), revoked)
        .await
        .expect("it is told");
}

struct NoPages;

impl authorization::ErrorPages for NoPages {
    fn render(&self, _error: &authorization::PageError<'_>) -> String {
        String::new()
    }
}
