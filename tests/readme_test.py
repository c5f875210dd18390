#!/usr/bin/env python3
"""The README's examples are the files of tests/consumer/, which the test `consumer` builds: readme_test.py ROOT"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
examples = re.findall(r"<!-- (\S+) -->\n```\w+\n(.*?)```", (root / "README.md").read_text(), re.DOTALL)
differing = [name for name, text in examples if text != (root / name).read_text()]
if len(examples) != 2 or differing:
    sys.exit(f"README.md: {len(examples)} examples, these differ from their files: {differing}")
