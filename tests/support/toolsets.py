# ruff: noqa: E501 - the descriptions are data
"""The tools of a coding agent, as data: what real agents declare, in our own words.

Modelled on what recorded requests of Claude Code, Qwen Code, Cline and MCP servers hold: schema generators' noise
(`$schema`, `title`, `additionalProperties: false`), nested arrays of objects, unions with null, ranges, patterns,
constants, defaults, `$defs`, parameter names that are no words, and long descriptions in Markdown.
"""

from typing import Any

from luna.model.chat import Tool

SCHEMA = "https://json-schema.org/draft/2020-12/schema"
DRAFT7 = "http://json-schema.org/draft-07/schema#"
SAFE = 9007199254740991


def _zod(properties: dict[str, Any], required: list[str], *, schema: str = SCHEMA) -> dict[str, Any]:
    """As zod's generator writes it."""
    return {
        "$schema": schema,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _text(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": description, **more}


BASH = Tool(
    "Bash",
    """Runs a command in a shell that stays open between calls, and returns what it printed.

Before running a command:

1. If it makes new files or folders, list the parent folder first and make sure that it is the right place.
2. Quote every path that holds spaces: `cd "/home/me/My Documents"`, not `cd /home/me/My Documents`.

Usage notes:
- The command is required. A time limit may be given, at most 600000 ms (10 minutes); without one it is 120000 ms.
- Say in five to ten words what the command does.
- Output beyond 30000 characters is cut.
- Do not use it for what a dedicated tool does: read files with Read, change them with Edit, search with Grep and Glob.
- Several independent commands are several calls; dependent ones are joined with `&&`. Never separate commands by line breaks (inside quoted text they are fine).
- Use absolute paths instead of `cd`, so that the working folder stays where it is.

# Committing with git

Only commit when the user asks for it. Then, in one message, run `git status`, `git diff` and `git log -5 --oneline` at the same time, write a message of one or two sentences about why rather than what, and add only the files that belong to the change. Never change git's configuration, never skip hooks, never force-push, never amend a commit that was pushed. Pass the message by a here-document so that its lines survive:

```sh
git commit -m "$(cat <<'MESSAGE'
Say why here.
MESSAGE
)"
```
""",
    _zod(
        {
            "command": _text("The command to run"),
            "timeout": {"description": "Time limit in milliseconds (at most 600000)", "type": "number"},
            "description": _text(
                "What the command does, in five to ten words and in the active voice.\n\nInput: ls\nOutput: Lists the files"
                " of the working folder\n\nInput: git status\nOutput: Shows what has changed"
            ),
            "run_in_background": {
                "description": "Set it to true to go on while the command runs; its output is read later.",
                "type": "boolean",
            },
        },
        ["command"],
    ),
)

READ = Tool(
    "Read",
    """Reads a file of this machine. Any path may be given; that the user names a file means that it exists.

- The path is absolute.
- Without more it reads up to 2000 lines from the beginning; `offset` and `limit` choose others.
- Lines longer than 2000 characters are cut. Lines come with their numbers, counted from 1.
- Pictures (PNG, JPG) are shown, PDFs are read page by page, notebooks with all cells and their outputs.
- A folder cannot be read: list it with Bash.
- Read several files in one round whenever they may be of use.
""",
    _zod(
        {
            "file_path": _text("The absolute path of the file"),
            "offset": {
                "description": "The line to begin with. Only for files that are too large to be read at once",
                "type": "integer",
                "minimum": 0,
                "maximum": SAFE,
            },
            "limit": {
                "description": "How many lines. Only for files that are too large to be read at once",
                "type": "integer",
                "exclusiveMinimum": 0,
                "maximum": SAFE,
            },
            "pages": _text('Pages of a PDF, as "1-5" or "3"; at most 20 in a call.', pattern=r"^\d+(-\d+)?$"),
        },
        ["file_path"],
    ),
)

EDIT = Tool(
    "Edit",
    """Replaces text in a file, exactly.

- Read the file first; otherwise this fails.
- Keep the indentation as it is after the line number: tabs are tabs.
- It fails when `old_string` is not unique. Give more of its surroundings, or set `replace_all`.
- Prefer editing to writing new files.
""",
    _zod(
        {
            "file_path": _text("The absolute path of the file to change"),
            "old_string": _text("The text to replace"),
            "new_string": _text("The text to put in its place (must differ from old_string)"),
            "replace_all": {
                "description": "Replace every occurrence of old_string (default false)",
                "default": False,
                "type": "boolean",
            },
        },
        ["file_path", "old_string", "new_string"],
    ),
)

WRITE = Tool(
    "Write",
    "Writes a file, in place of what was there. An existing file must have been read before. Do not write documentation"
    " unless the user asks for it.",
    _zod(
        {
            "file_path": _text("The absolute path of the file (must be absolute, not relative)"),
            "content": _text("What to write"),
        },
        ["file_path", "content"],
    ),
)

GREP = Tool(
    "Grep",
    """Searches the contents of files, with ripgrep.

- Always use this instead of `grep` or `rg` in Bash.
- Patterns are regular expressions (`log.*Error`, `function\\s+\\w+`). Braces need a backslash: `interface\\{\\}`.
- `glob` and `type` narrow the files down. `output_mode`: "content" shows lines, "files_with_matches" only paths, "count" numbers.
- Patterns match within one line; with `multiline` they may span lines.
""",
    _zod(
        {
            "pattern": _text("The regular expression to look for"),
            "path": _text("File or folder to search in. The working folder if left out."),
            "glob": _text('Which files, e.g. "*.js" or "*.{ts,tsx}"'),
            "output_mode": _text(
                'What to show. "files_with_matches" if left out.', enum=["content", "files_with_matches", "count"]
            ),
            "-B": {"description": "Lines to show before each match. Needs output_mode content.", "type": "number"},
            "-A": {"description": "Lines to show after each match. Needs output_mode content.", "type": "number"},
            "-C": {"description": "Lines to show around each match. Needs output_mode content.", "type": "number"},
            "-n": {"description": "Show line numbers. Needs output_mode content. Default true.", "type": "boolean"},
            "-i": {"description": "Ignore case", "type": "boolean"},
            "type": _text("Kind of file (js, py, rust, go, java …); quicker than a glob for the usual ones."),
            "head_limit": {"description": "Show only the first so many entries.", "type": "number"},
            "multiline": {"description": "Let `.` match line breaks. Default false.", "type": "boolean"},
        },
        ["pattern"],
    ),
)

GLOB = Tool(
    "Glob",
    'Finds files by name, e.g. "**/*.py" or "src/**/*.ts"; the newest come first. For open-ended searches that need'
    " several rounds use Task.",
    _zod(
        {
            "pattern": _text("The pattern that the paths must match"),
            "path": _text(
                "The folder to search in. Leave it out for the working folder; do not write "
                '"undefined" or "null". A valid path if given.'
            ),
        },
        ["pattern"],
    ),
)

TASK = Tool(
    "Task",
    """Starts an agent that works through a task of several steps by itself.

Kinds of agent:
- general-purpose: researches questions, searches code, carries out tasks of several steps. (Tools: all)
- explore: looks around in a code base quickly, by names and contents. (Tools: all but Task, Edit, Write)
- plan: works out how to implement something and returns the steps. (Tools: all but Task, Edit, Write)

Do not use it to read one known file (Read) or to find one definition (Grep). Start several at once where they do not depend on one another. Each begins without your context: tell it everything, and say exactly what it shall return. Its answer is not shown to the user; sum it up.
""",
    _zod(
        {
            "description": _text("The task in three to five words"),
            "prompt": _text("The task itself"),
            "subagent_type": _text("The kind of agent"),
            "model": _text(
                "Which model; the parent's if left out. Prefer haiku for quick, simple tasks.",
                enum=["sonnet", "opus", "haiku"],
            ),
            "run_in_background": {"description": "Go on while it works.", "type": "boolean"},
            "isolation": _text('"worktree" gives it a copy of the repository of its own.', enum=["worktree"]),
        },
        ["description", "prompt", "subagent_type"],
    ),
)

TODO_WRITE = Tool(
    "TodoWrite",
    """Keeps a list of tasks for the work at hand, which the user sees.

Use it for work of three or more steps and when the user gives several tasks; not for a single, simple one. Exactly one task is in progress at any time. Mark a task completed as soon as it is done, and only when it is done entirely: not with failing tests, not half implemented.
""",
    _zod(
        {
            "todos": {
                "description": "The whole list, as it is from now on",
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "content": {"type": "string", "minLength": 1},
                        "status": {"type": "string", "enum": ["pending", "in_progress", "completed"]},
                        "activeForm": {"type": "string", "minLength": 1},
                    },
                    "required": ["content", "status", "activeForm"],
                    "additionalProperties": False,
                },
            }
        },
        ["todos"],
    ),
)

ASK = Tool(
    "AskUserQuestion",
    "Asks the user to choose, while you work: for wishes, unclear instructions, decisions. The user can always answer"
    ' in words of their own. If you recommend an option, put it first and add "(Recommended)" to its label.',
    _zod(
        {
            "questions": {
                "description": "One to four questions",
                "minItems": 1,
                "maxItems": 4,
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "question": _text("The whole question, clear and specific, ending in a question mark."),
                        "header": _text("A very short label (at most 12 characters).", maxLength=12),
                        "options": {
                            "description": 'Two to four choices that exclude one another. No "Other": it is added.',
                            "minItems": 2,
                            "maxItems": 4,
                            "type": "array",
                            "items": {
                                "type": "object",
                                "properties": {
                                    "label": _text("What the user sees and chooses, one to five words."),
                                    "description": _text("What choosing it means."),
                                    "preview": _text("Shown beside the option while it is in focus."),
                                },
                                "required": ["label", "description"],
                                "additionalProperties": False,
                            },
                        },
                        "multiSelect": {
                            "description": "True where several may be chosen",
                            "default": False,
                            "type": "boolean",
                        },
                    },
                    "required": ["question", "header", "options", "multiSelect"],
                    "additionalProperties": False,
                },
            },
            "answers": {
                "description": "The user's answers, collected by the dialogue",
                "type": "object",
                "propertyNames": {"type": "string"},
                "additionalProperties": {"type": "string"},
            },
        },
        ["questions"],
    ),
)

NOTEBOOK = Tool(
    "NotebookEdit",
    "Replaces, inserts or deletes a cell of a Jupyter notebook (.ipynb). Cells are counted from 0.",
    _zod(
        {
            "notebook_path": _text("The absolute path of the notebook"),
            "cell_id": _text("The cell to change. A new one goes behind it, or to the beginning if left out."),
            "new_source": _text("The cell's new source"),
            "cell_type": _text("Needed with edit_mode insert; else the cell's own.", enum=["code", "markdown"]),
            "edit_mode": _text("replace if left out", enum=["replace", "insert", "delete"]),
        },
        ["notebook_path", "new_source"],
    ),
)

WEB_FETCH = Tool(
    "WebFetch",
    "Fetches a page, turns it into Markdown and answers a question about it with a small, fast model. HTTP becomes"
    " HTTPS. Pages are kept for 15 minutes. Says so when the page redirects to another host; call it again then.",
    _zod(
        {
            "url": _text("The page", format="uri"),
            "prompt": _text("What you want to know of it"),
        },
        ["url", "prompt"],
    ),
)

TOOL_SEARCH = Tool(
    "ToolSearch",
    """Finds tools that are known by name only, and loads them.

Query forms: "select:NAME,NAME" loads these; "notebook jupyter" searches by words; "+slack send" needs the first word in the name.
""",
    _zod(
        {
            "query": _text('What to look for. "select:NAME" to load one directly.'),
            "max_results": {"description": "At most so many (default 5)", "default": 5, "type": "number"},
        },
        ["query", "max_results"],
    ),
)

READ_FILES = Tool(
    "read_files",
    "Reads several files, or parts of them, at once.",
    {
        "$schema": DRAFT7,
        "type": "object",
        "properties": {
            "files": {
                "type": "array",
                "description": "The files to read",
                "items": {
                    "type": "object",
                    "properties": {
                        "path": _text("Absolute path"),
                        "start_line": {
                            "anyOf": [{"type": "integer", "exclusiveMinimum": 0, "maximum": SAFE}, {"type": "null"}],
                            "description": "First line, counted from 1. null for the beginning.",
                        },
                        "end_line": {
                            "anyOf": [{"type": "integer", "exclusiveMinimum": 0, "maximum": SAFE}, {"type": "null"}],
                            "description": "Last line, included. null for the end.",
                        },
                    },
                    "required": ["path"],
                    "additionalProperties": False,
                },
            }
        },
        "required": ["files"],
        "additionalProperties": False,
    },
)

RUN_SHELL = Tool(
    "run_shell_command",
    "Runs `bash -c COMMAND` in the project's folder. Returns the command, the folder, stdout, stderr, the error, the"
    " exit code and the ids of what is still running in the background.",
    {
        "type": "object",
        "properties": {
            "command": _text("The exact command, as bash takes it"),
            "is_background": {"type": "boolean", "description": "Whether to go on at once", "default": False},
            "timeout": {
                "type": "number",
                "description": "Milliseconds, 1000 to 600000",
                "minimum": 1000,
                "maximum": 600000,
            },
            "directory": _text("The folder to run it in; must be an absolute path within the workspace"),
        },
        "required": ["command", "is_background"],
        "additionalProperties": False,
        "$schema": DRAFT7,
    },
)

APPLY_PATCH = Tool(
    "apply_patch",
    "Changes files by a patch that begins with `*** Begin Patch` and ends with `*** End Patch`. Free text: no JSON, no"
    " escapes.",
    {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]},
)

ISSUES = Tool(
    "mcp__tracker__search_issues",
    "Searches the tracker.",
    {
        "$defs": {
            "Order": {"enum": ["asc", "desc"], "title": "Order", "type": "string"},
            "Label": {
                "title": "Label",
                "type": "object",
                "properties": {
                    "name": {"title": "Name", "type": "string"},
                    "color": {
                        "anyOf": [{"type": "string", "pattern": "^#[0-9a-f]{6}$"}, {"type": "null"}],
                        "default": None,
                        "title": "Color",
                    },
                },
                "required": ["name"],
            },
            "Filter": {
                "title": "Filter",
                "type": "object",
                "properties": {
                    "field": {"title": "Field", "type": "string", "enum": ["state", "author", "milestone"]},
                    "value": {
                        "anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "boolean"}],
                        "title": "Value",
                    },
                    "any_of": {
                        "items": {"$ref": "#/$defs/Filter"},
                        "default": [],
                        "title": "Any Of",
                        "type": "array",
                    },
                },
                "required": ["field", "value"],
            },
        },
        "properties": {
            "query": {"title": "Query", "type": "string", "description": "Words to look for"},
            "filters": {"items": {"$ref": "#/$defs/Filter"}, "title": "Filters", "type": "array", "maxItems": 10},
            "labels": {
                "anyOf": [{"items": {"$ref": "#/$defs/Label"}, "type": "array"}, {"type": "null"}],
                "default": None,
                "title": "Labels",
            },
            "order": {"$ref": "#/$defs/Order", "default": "desc"},
            "per_page": {"default": 30, "maximum": 100, "minimum": 1, "title": "Per Page", "type": "integer"},
            "since": {
                "anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}],
                "default": None,
                "title": "Since",
            },
        },
        "required": ["query"],
        "title": "search_issuesArguments",
        "type": "object",
    },
)

PULL_REQUEST = Tool(
    "mcp__tracker__create_pull_request",
    "Opens a pull request.",
    {
        "$defs": {
            "ReviewerUser": {
                "properties": {
                    "kind": {"const": "user", "title": "Kind", "type": "string"},
                    "login": {"title": "Login", "type": "string", "minLength": 1},
                },
                "required": ["kind", "login"],
                "title": "ReviewerUser",
                "type": "object",
            },
            "ReviewerTeam": {
                "properties": {
                    "kind": {"const": "team", "title": "Kind", "type": "string"},
                    "slug": {"title": "Slug", "type": "string", "pattern": "^[a-z0-9-]+$"},
                },
                "required": ["kind", "slug"],
                "title": "ReviewerTeam",
                "type": "object",
            },
        },
        "properties": {
            "title": {"title": "Title", "type": "string", "maxLength": 256},
            "body": {"default": "", "title": "Body", "type": "string"},
            "base": {"default": "main", "title": "Base", "type": "string"},
            "head": {"title": "Head", "type": "string"},
            "draft": {"default": False, "title": "Draft", "type": "boolean"},
            "reviewers": {
                "items": {
                    "discriminator": {
                        "mapping": {"team": "#/$defs/ReviewerTeam", "user": "#/$defs/ReviewerUser"},
                        "propertyName": "kind",
                    },
                    "oneOf": [{"$ref": "#/$defs/ReviewerUser"}, {"$ref": "#/$defs/ReviewerTeam"}],
                },
                "title": "Reviewers",
                "type": "array",
                "uniqueItems": True,
                "default": [],
            },
        },
        "required": ["title", "head"],
        "title": "create_pull_requestArguments",
        "type": "object",
    },
)

BROWSER = Tool(
    "browser_action",
    "Works a browser that is already open. One action in a call; the answer is a picture of the page.",
    {
        "$schema": DRAFT7,
        "type": "object",
        "properties": {
            "action": {
                "type": "string",
                "enum": ["launch", "click", "type", "scroll_down", "scroll_up", "close"],
                "description": "What to do",
            },
            "coordinate": {
                "type": "array",
                "items": [{"type": "integer", "minimum": 0}, {"type": "integer", "minimum": 0}],
                "minItems": 2,
                "maxItems": 2,
                "description": "Where to click, x and y",
            },
            "text": {"type": "string", "description": "What to type"},
            "url": {"type": "string", "format": "uri", "description": "What to open, with launch"},
        },
        "required": ["action"],
        "additionalProperties": False,
        "dependentRequired": {"coordinate": ["action"]},
    },
)

AGENT: list[Tool] = [
    BASH,
    READ,
    EDIT,
    WRITE,
    GREP,
    GLOB,
    TASK,
    TODO_WRITE,
    ASK,
    NOTEBOOK,
    WEB_FETCH,
    TOOL_SEARCH,
    READ_FILES,
    RUN_SHELL,
    APPLY_PATCH,
    ISSUES,
    PULL_REQUEST,
    BROWSER,
]
"""All of them."""
