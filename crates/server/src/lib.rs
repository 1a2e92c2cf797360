//! Control API, sessions and web pages; thin over the factory.
