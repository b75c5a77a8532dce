use std::time::{Duration, Instant};

use super::{Served, path, serve_with, text};
use crate::{ContentsError, NewEntry};

const BODY: &str = r#"{"type":"file","format":"text","content":"sent"}"#;

/// A shell script as the command before or after a save.
fn command(script: &str) -> Vec<String> {
    ["sh", "-c", script, "sh"].map(str::to_owned).to_vec()
}

fn before(script: &str) -> Served {
    serve_with(|config| {
        config.save_commands.before = command(script);
        config.save_commands.timeout = Duration::from_secs(10);
    })
}

fn after(script: &str) -> Served {
    serve_with(|config| config.save_commands.after = command(script))
}

#[tokio::test]
async fn a_command_before_a_save_may_change_what_is_saved() {
    let served = before(r#"cat > told; echo "$1" > name; echo '{"content": "changed"}'"#);
    served.put("a.txt", BODY).await.unwrap();
    assert_eq!(served.read("a.txt"), b"changed");
    let told: serde_json::Value = serde_json::from_slice(&served.read("told")).unwrap();
    let expected = serde_json::json!({
        "name": "a.txt", "path": "a.txt", "type": "file", "format": "text", "content": "sent",
    });
    assert_eq!(told, expected);
    let name = String::from_utf8(served.read("name")).unwrap();
    assert_eq!(name.trim(), served.root.join("a.txt").to_str().unwrap());
}

#[tokio::test]
async fn a_command_before_a_save_may_refuse_it() {
    let served = before("echo 'not on a Sunday' >&2; exit 3");
    served.write("a.txt", b"old");
    let refused = served.put("a.txt", BODY).await.unwrap_err();
    assert_eq!(refused.to_string(), "not on a Sunday");
    assert!(matches!(refused, ContentsError::Refused { .. }));
    assert_eq!(served.read("a.txt"), b"old");
    let new = served
        .manager
        .create_untitled(&path(""), NewEntry::default())
        .await;
    assert!(matches!(new, Err(ContentsError::Refused { .. })));
    let copy = served.manager.copy(&path("a.txt"), &path("")).await;
    assert!(matches!(copy, Err(ContentsError::Refused { .. })));
    assert_eq!(served.tree(), ["a.txt"]);
}

#[tokio::test]
async fn no_part_of_an_upload_makes_a_file_past_the_command() {
    let served = before("echo no >&2; exit 3");
    for chunk in [2, 0, -1] {
        let body = format!(r#"{{"type":"file","format":"text","content":"sent","chunk":{chunk}}}"#);
        let refused = served.put("a.txt", &body).await.unwrap_err();
        assert!(matches!(refused, ContentsError::Refused { .. }), "{chunk}");
    }
    assert!(served.tree().is_empty());
}

#[tokio::test]
async fn a_command_that_is_broken_keeps_nobody_from_saving() {
    for script in ["echo '{bad'", "kill -9 $$", "cat > told", "true"] {
        let served = before(script);
        served.put("a.txt", BODY).await.unwrap();
        assert_eq!(served.read("a.txt"), b"sent", "{script}");
    }
    let served = serve_with(|config| config.save_commands.before = vec!["/no/such/program".to_owned()]);
    served.put("a.txt", BODY).await.unwrap();
    assert_eq!(served.read("a.txt"), b"sent");
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_ended_with_all_it_started_and_keeps_nobody_waiting() {
    let served = serve_with(|config| {
        config.save_commands.before =
            command("test \"$(basename \"$1\")\" != slow.txt || { sleep 60 & sleep 60; }");
        config.save_commands.timeout = Duration::from_secs(1);
    });
    let began = Instant::now();
    let slow = served.put("slow.txt", BODY);
    let quick = async {
        served.put("quick.txt", BODY).await.unwrap();
        assert!(!served.root.join("slow.txt").exists(), "the other save waited");
    };
    let (slow, ()) = tokio::join!(slow, quick);
    slow.unwrap();
    assert!(began.elapsed() < Duration::from_secs(30));
    assert_eq!(served.read("slow.txt"), b"sent");
}

#[tokio::test]
async fn a_notebook_is_seen_and_changed_as_an_object() {
    let served = before(r#"sed 's/"secret"/"-"/'"#);
    let notebook = r#"{"type":"notebook","content":{"nbformat":4,"nbformat_minor":5,"metadata":{},"cells":[
        {"cell_type":"markdown","id":"a","metadata":{},"source":"secret"}]}}"#;
    served.put("n.ipynb", notebook).await.unwrap();
    assert!(
        !String::from_utf8(served.read("n.ipynb"))
            .unwrap()
            .contains("secret")
    );
    served.manager.copy(&path("n.ipynb"), &path("")).await.unwrap();
    assert_eq!(served.read("n.ipynb"), served.read("n-Copy1.ipynb"));
}

#[tokio::test]
async fn a_command_after_a_save_is_told_of_the_file_that_is_there() {
    let served = after(r#"cp "$1" "$1.saved"; cat > told"#);
    served.put("a.txt", BODY).await.unwrap();
    assert_eq!(served.read("a.txt.saved"), b"sent");
    let told: serde_json::Value = serde_json::from_slice(&served.read("told")).unwrap();
    assert_eq!(
        told,
        serde_json::json!({"name": "a.txt", "path": "a.txt", "type": "file"})
    );
    let failing = after("echo 'no room in the repository' >&2; exit 1");
    let failed = failing.put("a.txt", BODY).await.unwrap_err();
    assert_eq!(
        failed.to_string(),
        "Unexpected error while running post hook save: no room in the repository"
    );
    assert_eq!(text(&failing.get("a.txt").await.unwrap()), "sent");
}

#[tokio::test]
async fn commands_run_for_large_documents_too() {
    let content = "x".repeat(5 << 20);
    let body = format!(r#"{{"type":"file","format":"text","content":"{content}"}}"#);
    for served in [before("wc -c > seen"), after("wc -c > seen")] {
        served.put("a.txt", &body).await.unwrap();
        assert!(served.read("a.txt") == content.as_bytes());
        assert!(!served.read("seen").is_empty());
        served.manager.copy(&path("a.txt"), &path("")).await.unwrap();
        assert!(served.read("a-Copy1.txt") == content.as_bytes());
    }
}

#[tokio::test]
async fn an_upload_in_chunks_runs_the_first_command_first_and_the_second_last() {
    let served = serve_with(|config| {
        config.save_commands.before = command("echo before >> order; cat > /dev/null");
        config.save_commands.after = command("echo after >> order");
    });
    for (chunk, so_far) in [(1, "before\n"), (2, "before\n"), (-1, "before\nafter\n")] {
        let body = format!(r#"{{"type":"file","format":"text","chunk":{chunk},"content":"x"}}"#);
        served.put("a.txt", &body).await.unwrap();
        assert_eq!(served.read("order"), so_far.as_bytes());
    }
}
