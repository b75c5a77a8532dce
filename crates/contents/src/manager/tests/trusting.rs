use super::{path, serve, text};

const UNSAFE: &str = r#"{"type":"notebook","content":{"nbformat":4,"nbformat_minor":4,"metadata":{},"cells":[
    {"cell_type":"code","metadata":MARK,"source":"","execution_count":1,
     "outputs":[{"output_type":"display_data","metadata":{},"data":{"text/html":"<script>"}}]}]}}"#;

async fn is_trusted(served: &super::Served) -> bool {
    let model = served.get("n.ipynb").await.unwrap();
    let notebook: serde_json::Value = serde_json::from_str(text(&model)).unwrap();
    notebook["cells"][0]["metadata"]["trusted"].as_bool().unwrap()
}

#[tokio::test]
async fn what_is_saved_as_trusted_is_read_as_trusted() {
    let served = serve();
    served
        .put("n.ipynb", &UNSAFE.replace("MARK", "{}"))
        .await
        .unwrap();
    assert!(!is_trusted(&served).await);
    served
        .put("n.ipynb", &UNSAFE.replace("MARK", r#"{"trusted":true}"#))
        .await
        .unwrap();
    assert!(is_trusted(&served).await);
    let changed = String::from_utf8(served.read("n.ipynb"))
        .unwrap()
        .replace("<script>", "<SCRIPT>");
    served.write("n.ipynb", changed.as_bytes());
    assert!(!is_trusted(&served).await);
    served.manager.trust(&path("n.ipynb")).await.unwrap();
    assert!(is_trusted(&served).await);
}

#[tokio::test]
async fn output_that_is_only_text_of_streams_is_trusted() {
    let served = serve();
    let json = UNSAFE.replace("MARK", "{}").replace(
        r#"{"output_type":"display_data","metadata":{},"data":{"text/html":"<script>"}}"#,
        r#"{"output_type":"stream","name":"stdout","text":"x"}"#,
    );
    served.put("n.ipynb", &json).await.unwrap();
    assert!(is_trusted(&served).await);
}

#[tokio::test]
async fn the_secret_is_kept_privately_and_read_again() {
    use std::os::unix::fs::MetadataExt;
    let served = super::serve_with(|config| {
        config.signing_secret = crate::SigningSecret::File(config.root_dir.join("../data/notebook_secret"))
    });
    served
        .put("n.ipynb", &UNSAFE.replace("MARK", r#"{"trusted":true}"#))
        .await
        .unwrap();
    let file = served.root.join("../data/notebook_secret");
    let secret = std::fs::read(&file).unwrap();
    assert_eq!(
        secret.len(),
        1386,
        "1024 bytes in base64 lines, as Jupyter writes them"
    );
    assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600);
    assert!(is_trusted(&served).await);
}

#[tokio::test]
async fn only_notebooks_can_be_trusted() {
    let served = serve();
    served.write("a.txt", b"");
    assert!(served.manager.trust(&path("a.txt")).await.is_err());
    assert!(served.manager.trust(&path("none.ipynb")).await.is_err());
}
