use super::*;

fn git(dir: &Path, args: &[&str]) {
    let done = Command::new("git")
        .arg("-C")
        .arg(dir)
        .args(["-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"])
        .args(args)
        .env_remove("GIT_DIR")
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn repository() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &["init", "-q", "-b", "main"]);
    std::fs::create_dir_all(dir.path().join("flows/a b")).unwrap();
    std::fs::write(dir.path().join("flows/a b/workflow.yaml"), "one").unwrap();
    std::fs::write(dir.path().join("flows/a b/big.jsonl"), "version https://git-lfs.github.com/spec/v1\noid x")
        .unwrap();
    std::os::unix::fs::symlink("/etc/passwd", dir.path().join("flows/a b/link.json")).unwrap();
    git(dir.path(), &["add", "-A"]);
    git(dir.path(), &["commit", "-q", "-m", "one"]);
    std::fs::write(dir.path().join("flows/a b/workflow.yaml"), "two").unwrap();
    git(dir.path(), &["commit", "-q", "-a", "-m", "two"]);
    dir
}

#[test]
fn a_folder_of_a_revision_is_read_without_a_checkout() {
    let dir = repository();
    let (root, own) = (dir.path(), dir.path().join("flows/a b"));
    let read = |start: &Path, asked: &str| {
        let tree = tree(start, Some(&own), asked).unwrap();
        assert_eq!(tree.commit().len(), 40);
        tree.read("workflow.yaml").map(|b| String::from_utf8(b).unwrap())
    };
    assert_eq!(read(root, "HEAD~1").unwrap(), "one");
    assert_eq!(read(root, "main").unwrap(), "two");
    assert_eq!(read(root, "HEAD~1:flows/a b").unwrap(), "one");
    assert_eq!(read(root, "HEAD~1:flows/a b/workflow.yaml").unwrap(), "one");
    assert_eq!(read(&own, "HEAD~1:./").unwrap(), "one");
    assert_eq!(read(&own, "HEAD~1:.").unwrap(), "one");
    assert!(matches!(read(root, "HEAD:elsewhere"), Err(FileError::NotFound)));
    assert!(matches!(read(root, "HEAD:"), Err(FileError::NotFound)));
    let tree = tree(root, Some(&own), "HEAD").unwrap();
    assert!(matches!(tree.read("link.json"), Err(FileError::Other(_))), "a link could lead anywhere");
    assert!(matches!(tree.read("big.jsonl"), Err(FileError::Other(_))));
    assert_eq!(std::fs::read_to_string(own.join("workflow.yaml")).unwrap(), "two");
}

#[test]
fn nothing_that_is_asked_for_is_an_option() {
    let dir = repository();
    let own = dir.path().join("flows/a b");
    for asked in [
        "--help",
        "--all",
        "-h",
        "--output=x",
        "--exec=touch x",
        ":flows",
        "HEAD^{tree}",
        "no-such",
        "HEAD\nHEAD",
        "@{-9}",
        "",
    ] {
        let Err(said) = tree(dir.path(), Some(&own), asked) else { panic!("`{asked}` was read") };
        assert!(!said.is_empty());
    }
    assert!(!dir.path().join("x").exists());
    assert!(tree(dir.path(), None, "HEAD").is_err());
}

#[test]
fn what_is_no_repository_says_so() {
    let dir = tempfile::tempdir().unwrap();
    assert!(tree(dir.path(), Some(dir.path()), "HEAD").is_err());
}
