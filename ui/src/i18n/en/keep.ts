export default {
  fixture: {
    open: "Keep as a fixture",
    title: "Keep this flow as a fixture",
    about:
      "The tests replay it from then on and say when it comes out differently. E-mail addresses, home folders and ids become others; nothing is written when a secret of this luna is in it.",
    name: "Name",
    nameAbout: "Of its folder in fixtures/wire.",
    nameWrong: "Use letters, digits, '.', '_' and '-'; begin with a letter or a digit.",
    minimise: "Leave out what it does not take to end in the same way",
    keep: "Keep it",
    busy: "Replaying …",
    done: "It is in {{folder}}.",
    shows: "It shows: {{shows}}",
    left_one: "One of {{before}} events of the stream is left.",
    left_other: "{{count}} of {{before}} events of the stream are left.",
    cut: "The search was ended by its time limit: fewer may be enough.",
  },
  bundle: {
    open: "Bundle",
    about: "One file with everything about this flow, without secrets. `luna open` shows it on another machine.",
    busy: "Packing …",
    done: "{{name}} is made. Prompts and answers are in it: read it before you send it.",
  },
  opened: {
    about: "This is a bundle of another machine (luna {{luna}}, {{system}}, {{python}}): nothing can be changed.",
    configuration: {
      same: "The configuration is the one that the flow was born under.",
      later: "The configuration is the one of when the bundle was made.",
      none: "Its configuration cannot be used here; the one that came with luna is shown.",
    },
    look: "To the flow",
  },
} as const;
