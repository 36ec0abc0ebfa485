//! What a script asks of the files around it. Whoever reads scripts answers.

/// The files around a script, asked for while it is read. A path is meant as the script `from` has it.
pub trait Files {
    /// The bytes of a script or an interface, and what the user calls the file; the same file has the same name.
    ///
    /// # Errors
    /// Why it cannot be read, in a few words.
    fn read(&mut self, from: &str, path: &str) -> Result<(String, Vec<u8>), String>;

    /// What a module says about its interface, or a `.did` file beside it. Nothing also if the module cannot be read,
    /// which is told elsewhere.
    fn interface(&mut self, from: &str, module: &str) -> Option<InterfaceText>;

    /// Whether interfaces are wanted also where an argument needs none: for the names in replies.
    fn wants_interfaces(&self) -> bool {
        false
    }
}

/// An interface as text.
#[derive(Debug, Clone, Default)]
pub struct InterfaceText {
    /// The service, perhaps with the arguments of its initialization.
    pub service: String,
    /// Those arguments, if they stand in a text of their own.
    pub init: Option<String>,
}
