//! The library that lets a disk fail (`faulty/disk.c`), built once for a process of tests.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The library, to be preloaded. None where there is no compiler, which is then said.
pub fn library() -> Option<&'static Path> {
    static LIBRARY: OnceLock<Option<PathBuf>> = OnceLock::new();
    let built = LIBRARY.get_or_init(|| {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../store/tests/it/faulty/disk.c");
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("faulty-{}.so", std::process::id()));
        let flags = ["-std=gnu11", "-O1", "-shared", "-fPIC", source, "-o"];
        match Command::new("cc").args(flags).arg(&library).output() {
            Ok(out) if out.status.success() => Some(library),
            Ok(out) => panic!("{}", String::from_utf8_lossy(&out.stderr)),
            Err(error) => {
                eprintln!("SKIPPED: a failing disk needs a C compiler, and `cc` was not started: {error}");
                None
            }
        }
    });
    built.as_deref()
}
