//! Questions of a CTO and a founder, red flags, theatre; reads the events of all layers.
