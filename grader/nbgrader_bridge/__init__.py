"""Station 4: nbgrader's Autograde with our intake and our sandbox in it, and its gradebook."""
