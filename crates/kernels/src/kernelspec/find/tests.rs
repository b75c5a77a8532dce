//! Kernelspecs found, and left out.

use super::*;

struct Dirs {
    root: tempfile::TempDir,
}

impl Dirs {
    fn new() -> Self {
        Self {
            root: tempfile::tempdir().unwrap(),
        }
    }

    fn install(&self, dir: &str, name: &str, kernel_json: &str) -> PathBuf {
        let resource_dir = self.root.path().join(dir).join(name);
        std::fs::create_dir_all(&resource_dir).unwrap();
        std::fs::write(resource_dir.join("kernel.json"), kernel_json).unwrap();
        resource_dir
    }

    fn kernelspecs(&self, change: impl FnOnce(&mut KernelsConfig)) -> Kernelspecs {
        let mut config = KernelsConfig::new(self.root.path().into(), self.root.path().into());
        config.kernelspec_dirs = ["first", "second", "missing"]
            .map(|dir| self.root.path().join(dir))
            .into();
        change(&mut config);
        Kernelspecs::new(&config)
    }
}

async fn names(kernelspecs: &Kernelspecs) -> Vec<String> {
    kernelspecs
        .all()
        .await
        .into_iter()
        .map(|spec| spec.name.to_string())
        .collect()
}

#[tokio::test]
async fn the_first_directory_wins_and_case_does_not_matter() {
    let dirs = Dirs::new();
    dirs.install("first", "PyThon3", r#"{"argv":["a"],"display_name":"First"}"#);
    dirs.install("second", "python3", r#"{"argv":["b"],"display_name":"Second"}"#);
    dirs.install("second", "other", r#"{"argv":["c"]}"#);
    let kernelspecs = dirs.kernelspecs(|_| {});
    assert_eq!(names(&kernelspecs).await, ["python3", "other"]);
    let spec = kernelspecs.get("PYTHON3").await.unwrap();
    assert_eq!(
        (spec.name.as_str(), spec.spec.display_name.as_str()),
        ("python3", "First")
    );
}

#[tokio::test]
async fn a_broken_kernel_json_does_not_break_the_list() {
    let dirs = Dirs::new();
    dirs.install("first", "good", r#"{"argv":["a"],"unknown":1}"#);
    dirs.install("first", "broken", "{");
    dirs.install("first", "mode", r#"{"interrupt_mode":"shout"}"#);
    dirs.install("first", "array", "[]");
    dirs.install("first", "bad\nname", "{}");
    let elsewhere = r#"{"metadata":{"kernel_provisioner":{"provisioner_name":"yarn"}}}"#;
    dirs.install("first", "elsewhere", elsewhere);
    dirs.install(
        "first",
        "large",
        &format!(r#"{{"argv":["{}"]}}"#, "x".repeat(2 << 20)),
    );
    let kernelspecs = dirs.kernelspecs(|_| {});
    assert_eq!(names(&kernelspecs).await, ["good"]);
    for broken in ["broken", "mode", "array", "large"] {
        let error = kernelspecs.get(broken).await.unwrap_err();
        assert!(
            matches!(error, KernelError::BadKernelspec { .. }),
            "{broken}: {error}"
        );
    }
    let error = kernelspecs.get("elsewhere").await.unwrap_err();
    assert!(matches!(error, KernelError::NoSuchProvisioner { .. }), "{error}");
    for missing in ["none", "bad\nname", "../first/good", ""] {
        let error = kernelspecs.get(missing).await.unwrap_err();
        assert!(
            matches!(error, KernelError::NoSuchKernelspec { .. }),
            "{missing}: {error}"
        );
    }
}

#[tokio::test]
async fn a_python_without_kernelspec_is_offered_as_python3() {
    let dirs = Dirs::new();
    let native = |config: &mut KernelsConfig| {
        config.native_kernel = Some(NativeKernel {
            python: "/env/bin/python".into(),
            resource_dir: None,
        });
    };
    let spec = dirs.kernelspecs(native).get("Python3").await.unwrap();
    assert_eq!(
        spec.spec.argv.first().map(String::as_str),
        Some("/env/bin/python")
    );
    assert_eq!(names(&dirs.kernelspecs(native)).await, ["python3"]);
    dirs.install("first", "python3", r#"{"argv":["a"]}"#);
    assert_eq!(
        dirs.kernelspecs(native).get("python3").await.unwrap().spec.argv,
        ["a"]
    );
}

#[tokio::test]
async fn only_allowed_kernelspecs_are_offered() {
    let dirs = Dirs::new();
    dirs.install("first", "a", "{}");
    dirs.install("first", "b", "{}");
    let kernelspecs = dirs.kernelspecs(|config| config.allowed_kernelspecs = vec!["a".to_owned()]);
    assert_eq!(names(&kernelspecs).await, ["a"]);
    assert!(kernelspecs.get("b").await.is_err());
}

#[tokio::test]
async fn the_model_names_logos_and_scripts_by_url() {
    let dirs = Dirs::new();
    let dir = dirs.install("first", "a", r#"{"argv":["x"],"metadata":{"z":1,"b":2}}"#);
    for file in ["logo-64x64.png", "logo-svg.svg", "kernel.js", "README.md"] {
        std::fs::write(dir.join(file), "x").unwrap();
    }
    let model = dirs.kernelspecs(|_| {}).model("A", "/base/").await.unwrap();
    assert_eq!(
        serde_json::to_string(&model).unwrap(),
        concat!(
            r#"{"name":"a","spec":{"argv":["x"],"env":{},"display_name":"","language":"","interrupt_mode":"signal","#,
            r#""metadata":{"z":1,"b":2},"kernel_protocol_version":""},"resources":{"kernel.js":"/base/kernelspecs/a/kernel.js","#,
            r#""logo-64x64":"/base/kernelspecs/a/logo-64x64.png","logo-svg":"/base/kernelspecs/a/logo-svg.svg"}}"#
        )
    );
}

#[tokio::test]
async fn a_resource_lies_in_its_kernelspec() {
    let dirs = Dirs::new();
    let dir = dirs.install("first", "a", "{}");
    std::fs::write(dir.join("logo-svg.svg"), "x").unwrap();
    std::fs::write(dirs.root.path().join("secret"), "x").unwrap();
    std::os::unix::fs::symlink(dirs.root.path().join("secret"), dir.join("link")).unwrap();
    let kernelspecs = dirs.kernelspecs(|_| {});
    assert!(kernelspecs.resource("a", "logo-svg.svg").await.unwrap().is_some());
    let absolute = dirs.root.path().join("secret");
    for path in [
        "",
        "none",
        "../../secret",
        "link",
        ".",
        "logo-svg.svg\0",
        absolute.to_str().unwrap(),
    ] {
        assert_eq!(kernelspecs.resource("a", path).await.unwrap(), None, "{path}");
    }
    assert!(kernelspecs.resource("b", "x").await.is_err());
}
