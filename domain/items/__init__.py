"""What people ask for, and what becomes of it: one record, seen as need, service and task (需求、服务、任务)."""
