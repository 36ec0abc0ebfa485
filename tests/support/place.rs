//! Running the program on files in a directory of its own, and what is said about how it went.

/// The first canister that is made.
pub(crate) const ID: &str = "rwlgt-iiaaa-aaaaa-aaaaa-cai";

/// The lines for a canister made and filled with `m.wasm` or the like.
pub(crate) fn installed(module: &str) -> String {
    format!("create\ninstall {ID} {module} 0x\n")
}

/// The program in a directory of its own.
pub(crate) struct Place(pub tempfile::TempDir);

/// What it printed, and its exit status.
pub(crate) struct Ran {
    pub out: String,
    pub err: String,
    pub status: Option<i32>,
}

impl Place {
    pub(crate) fn new() -> Self {
        Place(tempfile::tempdir().expect("a temporary directory can be made"))
    }

    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        std::fs::write(self.0.path().join(name), content).expect("files can be written there");
        self
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = super::drun(self.0.path());
        let output = command
            .args(arguments)
            .output()
            .expect("the program can be started");
        let text = |bytes| String::from_utf8(bytes).expect("all output is UTF-8");
        Ran {
            out: text(output.stdout),
            err: text(output.stderr),
            status: output.status.code(),
        }
    }
}

impl Ran {
    /// Nothing was run, and the message is exactly this.
    pub(crate) fn refused(&self, message: &str) {
        assert_eq!(
            (self.out.as_str(), self.status),
            ("", Some(2)),
            "{}",
            self.err
        );
        assert_eq!(self.err, format!("{message}\n"));
    }

    /// Nothing was run, and the message holds this.
    pub(crate) fn refused_with(&self, part: &str) {
        assert_eq!(
            (self.out.as_str(), self.status),
            ("", Some(2)),
            "{}",
            self.err
        );
        assert!(self.err.contains(part), "{}", self.err);
    }

    /// The results are these, and nothing else was printed.
    pub(crate) fn printed(&self, out: &str) {
        assert_eq!(
            (self.out.as_str(), self.err.as_str(), self.status),
            (out, "", Some(0))
        );
    }
}
