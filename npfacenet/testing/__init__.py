"""For testers: strategies that draw what npfacenet works on, and laws for parts of one's own.

Needs Hypothesis (`pip install npfacenet[test]`), and imports it only when used.
"""
