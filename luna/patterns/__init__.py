"""Regular expressions that strangers wrote, looked for in a time that can be told. Pure, and knows nothing of luna."""
